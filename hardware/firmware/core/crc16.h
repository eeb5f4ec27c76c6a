/* CRC-16-CCITT: polynomial 0x1021, start 0xFFFF, most significant bit first, no final XOR. */
#ifndef RFP_CRC16_H
#define RFP_CRC16_H

#include <stdint.h>

uint16_t crc16(const uint8_t *bytes, uint8_t length);

#endif
