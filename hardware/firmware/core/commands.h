/* What each frame asks for, and the answer. */
#ifndef RFP_COMMANDS_H
#define RFP_COMMANDS_H

#include "board.h"

/* Whether type, sequence number and CRC are there and the CRC is right. */
bool frame_intact(const cobs_decoder *frame);

/* Obeys the intact frame in the board's decoder; the answer is as in board_receive. */
uint8_t obey(board *b, uint8_t *wire);

#endif
