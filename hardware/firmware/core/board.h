/* The servo board's rules: what it does with bytes, time, pins and the answers it gives.
 *
 * Nothing here touches a register, so it runs on the host too. Whoever calls it fills in `inputs`
 * first, and afterwards does what `pulses` and `saving` say. */
#ifndef RFP_BOARD_H
#define RFP_BOARD_H

#include "joints.h"

enum { ADC_CHANNELS = 7, ADC_SUPPLY = 6 };

typedef struct {
    struct {
        uint16_t adc[ADC_CHANNELS];   /* 0..1023: the joints' potentiometers, then the supply */
        bool stop_open;               /* the normally closed stop switch is open, or its wire cut */
        uint8_t lost_bytes;           /* overruns of the serial line, counting on */
    } inputs;
    config config;
    joints joints;
    cobs_decoder decoder;
    mode mode;
    uint8_t faults;
    uint8_t reset_cause;              /* MCUSR as it was found */
    bool greeted;                     /* a HELLO of our version came since the reset */
    bool unsaved;                     /* `config` is not what the EEPROM holds */
    bool saving;                      /* somebody should write `config` to the EEPROM */
    uint8_t newest_sequence;
    uint8_t applied_sequence;         /* of the newest SETPOINT that was obeyed */
    uint8_t save_sequence;
    uint8_t bad_frames;               /* counting on */
    uint32_t uptime_ms;
    uint16_t silent_ms;               /* since the newest SETPOINT */
    uint8_t ramp_ms;
    uint8_t supply_low_ms;
    uint8_t supply_gone_ms;
    uint8_t bad_of_window;
    uint16_t window_ms;
} board;

/* Starts disarmed, whatever was before. `stored` is what the EEPROM holds, valid or not. */
void board_start(board *b, const config *stored, uint8_t reset_cause);

/* A byte off the wire. Writes an answer of at most COBS_WIRE_MAX bytes to `wire`; returns its length. */
uint8_t board_receive(board *b, uint8_t byte, uint8_t *wire);

/* A millisecond has passed. */
void board_tick(board *b);

/* `config` is in the EEPROM: the answer to SAVE, as board_receive gives it. */
uint8_t board_saved(board *b, uint8_t *wire);

/* Width of the pulse for servo `i` in ticks; 0: none, the servo is limp. */
uint16_t board_pulse(const board *b, uint8_t i);

/* Latches a fault. An arm that moves then holds where it is; nothing goes limp by itself. */
void board_fault(board *b, uint8_t fault);

/* Whether the supply of the servos is below what the configuration asks for. */
bool board_supply_low(const board *b);

#endif
