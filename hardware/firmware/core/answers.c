#include "answers.h"

#include <string.h>

#include "crc16.h"

enum { HELLO_BYTES = 14, STATE_BYTES = 23 };

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    *at++ = (uint8_t)value;
    *at++ = (uint8_t)(value >> 8);
    return at;
}

uint8_t answer(uint8_t type, uint8_t sequence, const uint8_t *payload, uint8_t length, uint8_t *wire)
{
    uint8_t raw[COBS_RAW_MAX];
    raw[0] = type == REFUSED ? type : type | ANSWER;
    raw[1] = sequence;
    memcpy(raw + 2, payload, length);
    put16(raw + 2 + length, crc16(raw, (uint8_t)(2 + length)));
    return cobs_encode(raw, (uint8_t)(4 + length), wire);
}

static uint8_t mode_byte(const board *b)
{
    uint8_t flags = (uint8_t)((b->inputs.stop_open ? FLAG_STOP_OPEN : 0)
                              | (b->unsaved ? FLAG_UNSAVED : 0));
    return (uint8_t)(b->mode | flags);
}

uint8_t answer_hello(const board *b, uint8_t sequence, uint8_t *wire)
{
    uint8_t payload[HELLO_BYTES] = {RFP_VERSION, FIRMWARE_MAJOR, FIRMWARE_MINOR, JOINTS,
                                    mode_byte(b), b->faults, b->reset_cause};
    uint8_t *at = put16(payload + 7, b->config.crc);
    at = put16(at, (uint16_t)b->uptime_ms);
    at = put16(at, (uint16_t)(b->uptime_ms >> 16));
    *at = b->bad_frames;
    return answer(HELLO, sequence, payload, HELLO_BYTES, wire);
}

static uint8_t supply_dv(const board *b)
{
    uint32_t scaled = (uint32_t)b->inputs.adc[ADC_SUPPLY] * b->config.board.supply_full_dv;
    return (uint8_t)((scaled + 512) >> 10); /* a division by 1023 would take 40 us */
}

uint8_t answer_state(const board *b, uint8_t type, uint8_t sequence, uint8_t *wire)
{
    uint8_t payload[STATE_BYTES] = {mode_byte(b), b->faults, b->applied_sequence};
    uint8_t *at = put16(payload + 3, (uint16_t)b->uptime_ms);
    *at++ = supply_dv(b);
    for (uint8_t i = 0; i < JOINTS; i++)
        at = put16(at, joint_position(&b->joints, &b->config, b->inputs.adc, i));
    *at++ = b->joints.clamped_range;
    *at++ = b->joints.clamped_step;
    *at++ = b->joints.limited_speed;
    *at++ = b->bad_frames;
    *at = b->inputs.lost_bytes;
    return answer(type, sequence, payload, STATE_BYTES, wire);
}

uint8_t answer_refused(uint8_t type, uint8_t sequence, result why, uint8_t detail, uint8_t *wire)
{
    uint8_t payload[3] = {type, (uint8_t)why, detail};
    return answer(REFUSED, sequence, payload, sizeof payload, wire);
}
