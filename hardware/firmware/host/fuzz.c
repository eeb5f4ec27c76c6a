/* The board's rules under random bytes: fuzz SEED FRAMES. Exits with 1 where a rule is broken.
 *
 * Half of the frames are whole and must be obeyed or refused aloud, the others are damaged in one
 * place or mere noise, and must change nothing but counters. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/board.h"
#include "../core/commands.h"
#include "../core/crc16.h"

static uint64_t random_state;
static uint64_t whole, answered, damaged, accepted;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13; /* xorshift64 (Marsaglia, 2003) */
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 16) % limit);
}

static void fail(const char *what)
{
    fprintf(stderr, "%s after %" PRIu64 " whole and %" PRIu64 " damaged frames\n", what, whole,
            damaged);
    exit(1);
}

/* What must hold at any time, whatever came. */
static void check(const board *b, const board *before)
{
    for (uint8_t i = 0; i < JOINTS; i++) {
        const joint_config *joint = &b->config.joint[i];
        uint16_t pulse = board_pulse(b, i);
        if (b->mode == DISARMED) {
            if (pulse)
                fail("a pulse while disarmed");
            continue;
        }
        if (!joint_fitted(joint) ? pulse : pulse < joint->low_ticks - 100 || pulse > joint->high_ticks + 100)
            fail("a pulse outside its range");
        uint16_t was = before->joints.commanded[i];
        uint16_t moved = pulse > was ? (uint16_t)(pulse - was) : (uint16_t)(was - pulse);
        if (before->mode != DISARMED && moved > joint->speed_ticks_s / 50)
            fail("faster than allowed");
        if (before->mode == HELD && b->mode == HELD && moved)
            fail("motion while held");
    }
    if (b->faults && b->mode == ARMED)
        fail("armed with a fault");
}

static uint8_t feed(board *b, const uint8_t *wire, size_t length)
{
    uint8_t answer[COBS_WIRE_MAX];
    uint8_t most = 0;
    for (size_t i = 0; i < length; i++) {
        uint8_t count = board_receive(b, wire[i], answer);
        if (count > COBS_WIRE_MAX || (count && answer[count - 1] != 0))
            fail("an answer that is no frame");
        if (count > most)
            most = count;
    }
    return most;
}

static uint8_t make_frame(const board *b, uint8_t *wire)
{
    static const uint8_t types[] = {HELLO, STATE, SETPOINT, SETPOINT, SETPOINT, SETPOINT_QUIET, ARM,
                                    ARM, STOP, CLEAR, CLEAR, DETACH, READ_JOINT, WRITE_JOINT,
                                    READ_BOARD, WRITE_BOARD, SAVE};
    static const uint8_t lengths[] = {1, 0, 12, 12, 12, 12, 14, 14, 0, 0, 0, 0, 1, 13, 0, 4, 0};
    uint8_t raw[COBS_RAW_MAX];
    uint32_t which = random_below(sizeof types + 1);
    if (random_below(32)) /* mostly what leads to motion and keeps it up */
        which = b->mode == ARMED ? 2 : b->faults ? 9 : 6;
    bool known = which < sizeof types;
    uint8_t length = known && random_below(16) ? lengths[which] : (uint8_t)random_below(PAYLOAD_MAX + 1);
    raw[0] = known ? types[which] : (uint8_t)random_below(256);
    raw[1] = (uint8_t)(b->newest_sequence + (random_below(4) ? 1 : random_below(256)));
    for (uint8_t i = 0; i < length; i++)
        raw[2 + i] = (uint8_t)random_below(256);
    if (raw[0] == HELLO && random_below(8))
        raw[2] = RFP_VERSION;
    if (raw[0] == ARM && random_below(8)) {
        raw[2] = (uint8_t)b->config.crc;
        raw[3] = (uint8_t)(b->config.crc >> 8);
    }
    if ((raw[0] == SETPOINT || raw[0] == ARM) && random_below(8))
        for (uint8_t i = raw[0] == ARM ? 3 : 1; i + 2 < length + 2; i = (uint8_t)(i + 2))
            raw[2 + i] = (uint8_t)(4 + random_below(16)); /* high byte of 1024..5119 ticks */
    uint16_t crc = crc16(raw, (uint8_t)(2 + length));
    raw[2 + length] = (uint8_t)crc;
    raw[3 + length] = (uint8_t)(crc >> 8);
    return cobs_encode(raw, (uint8_t)(4 + length), wire);
}

static void send_whole(board *b)
{
    uint8_t wire[COBS_WIRE_MAX];
    uint8_t length = make_frame(b, wire);
    uint8_t bad = b->bad_frames;
    whole++;
    answered += feed(b, wire, length) != 0;
    if (b->bad_frames != bad)
        fail("a whole frame was refused as damaged");
}

/* Whether anything but the decoder and the counters of bad frames is another than before. */
static bool changed(const board *b, const board *before)
{
    board now = *b, then = *before;
    now.decoder = then.decoder;
    now.bad_frames = then.bad_frames;
    now.bad_of_window = then.bad_of_window;
    return memcmp(&now, &then, sizeof now) != 0;
}

static void send_damaged(board *b)
{
    uint8_t wire[4 * COBS_WIRE_MAX];
    uint32_t length = make_frame(b, wire);
    if (random_below(2)) {
        wire[random_below(length - 1)] ^= (uint8_t)(1 << random_below(8));
    } else {
        length = 1 + random_below(sizeof wire - 2);
        for (uint32_t i = 0; i < length; i++)
            wire[i] = (uint8_t)random_below(256);
        wire[length++] = 0;
    }
    board before = *b;
    damaged++;
    bool obeyed = feed(b, wire, length) != 0;
    if (obeyed || changed(b, &before))
        accepted++; /* 1 in 65536 noise frames has the right checksum by chance */
}

static void one_round(board *b)
{
    board before = *b;
    if (random_below(2))
        send_whole(b);
    else
        send_damaged(b);
    check(b, &before);
    if (random_below(4) == 0) {
        before = *b;
        b->inputs.stop_open = random_below(256) == 0;
        b->inputs.adc[random_below(ADC_CHANNELS)] = (uint16_t)(300 + random_below(500));
        board_tick(b);
        check(b, &before);
    }
    uint8_t wire[COBS_WIRE_MAX];
    if (b->saving && random_below(2))
        board_saved(b, wire);
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    random_state = strtoull(words[1], NULL, 10) * 0x9E3779B97F4A7C15u + 1;
    uint64_t frames = strtoull(words[2], NULL, 10);
    config stored;
    config_clear(&stored);
    for (uint8_t i = 0; i < JOINTS; i++)
        stored.joint[i] = (joint_config){1200, 4800, 2000, 1000, i < 3 ? 100 : 0, i < 3 ? 900 : 0};
    config_seal(&stored);
    board *b = malloc(sizeof *b); /* so that the sanitizer sees its ends */
    uint64_t armed = 0;
    for (uint64_t i = 0; i < frames; i++) {
        if (i % 2000 == 0) {
            board_start(b, &stored, 1);
            b->greeted = random_below(8) != 0; /* most of the time somebody has said HELLO */
            for (uint8_t c = 0; c < ADC_CHANNELS; c++)
                b->inputs.adc[c] = 500;
        }
        one_round(b);
        armed += b->mode == ARMED;
    }
    printf("%" PRIu64 " whole %" PRIu64 " answered %" PRIu64 " damaged %" PRIu64 " accepted %" PRIu64
           " armed\n", whole, answered, damaged, accepted, armed);
    free(b);
    return 0;
}
