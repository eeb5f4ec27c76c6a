/* Consistent overhead byte stuffing (Cheshire and Baker, 1999): frames that hold no 00, between 00s. */
#ifndef RFP_COBS_H
#define RFP_COBS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    COBS_WIRE_MAX = 64,                /* encoded, with the 00 at its end */
    COBS_RAW_MAX = COBS_WIRE_MAX - 2   /* what that can hold: fewer than 254, so one byte of overhead */
};

typedef struct {
    uint8_t raw[COBS_RAW_MAX];
    uint8_t length;
    uint8_t left;       /* bytes until the next code byte */
    bool zero_due;      /* the block before this one ended in a 00 of the data */
    bool too_long;
    bool any;           /* something came since the last 00 */
} cobs_decoder;

typedef enum { COBS_MORE, COBS_FRAME, COBS_BAD } cobs_result;

void cobs_start(cobs_decoder *decoder);

/* One byte off the wire. After COBS_FRAME, `raw` and `length` hold the frame until the next call. */
cobs_result cobs_receive(cobs_decoder *decoder, uint8_t byte);

/* Writes `length` (at most COBS_RAW_MAX) bytes to `wire`; returns how long that became, 00 included. */
uint8_t cobs_encode(const uint8_t *raw, uint8_t length, uint8_t *wire);

#endif
