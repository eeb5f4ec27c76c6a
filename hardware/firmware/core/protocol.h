/* The numbers of ../../protocol.md, which is the contract. */
#ifndef RFP_PROTOCOL_H
#define RFP_PROTOCOL_H

#include "cobs.h"

enum {
    RFP_VERSION = 1,
    FIRMWARE_MAJOR = 1,
    FIRMWARE_MINOR = 0,
    JOINTS = 6,
    TICK_LOW = 1000,    /* a tick is 0.5 us of pulse: 500 us .. 2500 us */
    TICK_HIGH = 5000,
    PAYLOAD_MAX = COBS_RAW_MAX - 4
};

enum {
    HELLO = 0x01,
    STATE = 0x02,
    SETPOINT = 0x10,
    SETPOINT_QUIET = 0x11,
    ARM = 0x20,
    STOP = 0x21,
    CLEAR = 0x22,
    DETACH = 0x23,
    READ_JOINT = 0x30,
    WRITE_JOINT = 0x31,
    READ_BOARD = 0x32,
    WRITE_BOARD = 0x33,
    SAVE = 0x34,
    ANSWER = 0x80,      /* added to the type of what is answered */
    REFUSED = 0xFF
};

typedef enum {
    OK = 0,
    UNKNOWN_TYPE = 1,
    BAD_LENGTH = 2,
    BAD_VALUE = 3,      /* detail: joint, or 255 for the board's own */
    OLD_SEQUENCE = 4,   /* detail: the newest one */
    NO_HELLO = 5,
    WRONG_VERSION = 6,  /* detail: ours */
    WRONG_CONFIG = 7,
    FAULTY = 8,         /* detail: the fault bits */
    NOT_DISARMED = 9,   /* detail: the mode */
    OUT_OF_RANGE = 10,  /* detail: the joint */
    NO_START = 11,      /* detail: the joint */
    UNSAVED = 12
} result;

enum {
    FAULT_HEARTBEAT = 0x01,
    FAULT_STOP_PIN = 0x02,
    FAULT_STOP_FRAME = 0x04,
    FAULT_SUPPLY = 0x08,
    FAULT_LINK = 0x10,
    FAULT_CONFIG = 0x20,
    FAULT_SESSION = 0x40,
    FAULT_WATCHDOG = 0x80
};

typedef enum { DISARMED = 0, ARMED = 1, HELD = 2 } mode;

enum { FLAG_STOP_OPEN = 0x80, FLAG_UNSAVED = 0x40 }; /* in the byte of the mode */

#endif
