/* Frames from the board to the host. Each function returns how many bytes it wrote to `wire`. */
#ifndef RFP_ANSWERS_H
#define RFP_ANSWERS_H

#include "board.h"

uint8_t answer(uint8_t type, uint8_t sequence, const uint8_t *payload, uint8_t length, uint8_t *wire);
uint8_t answer_hello(const board *b, uint8_t sequence, uint8_t *wire);
uint8_t answer_state(const board *b, uint8_t type, uint8_t sequence, uint8_t *wire);
uint8_t answer_refused(uint8_t type, uint8_t sequence, result why, uint8_t detail, uint8_t *wire);

#endif
