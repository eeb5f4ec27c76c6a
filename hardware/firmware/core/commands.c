#include "commands.h"

#include <string.h>

#include "answers.h"
#include "crc16.h"

/* A servo may stand this far outside its range when it is armed: potentiometers are not that exact, nor
 * are mechanical ends. 4.5 degrees of a servo with 180. */
enum { START_MARGIN_TICKS = 100 };

typedef struct {
    uint8_t type;
    uint8_t sequence;
    uint8_t length;
    const uint8_t *payload;
} frame;

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

bool frame_intact(const cobs_decoder *f)
{
    if (f->length < 4)
        return false;
    uint8_t covered = (uint8_t)(f->length - 2);
    return crc16(f->raw, covered) == get16(f->raw + covered);
}

static uint8_t length_of(uint8_t type)
{
    switch (type) {
    case HELLO: return 1;
    case SETPOINT: case SETPOINT_QUIET: return 2 * JOINTS;
    case ARM: return 2 + 2 * JOINTS;
    case READ_JOINT: return 1;
    case WRITE_JOINT: return 1 + sizeof(joint_config);
    case WRITE_BOARD: return sizeof(board_config);
    case STATE: case STOP: case CLEAR: case DETACH: case READ_BOARD: case SAVE: return 0;
    default: return 0xFF;
    }
}

/* A sequence number is newer if it is up to half of the circle ahead. */
static bool newer(uint8_t sequence, uint8_t than)
{
    uint8_t ahead = (uint8_t)(sequence - than);
    return ahead != 0 && ahead < 128;
}

static uint8_t hello(board *b, const frame *f, uint8_t *wire)
{
    if (f->payload[0] != RFP_VERSION)
        return answer_refused(f->type, f->sequence, WRONG_VERSION, RFP_VERSION, wire);
    if (b->mode == ARMED)
        board_fault(b, FAULT_SESSION); /* somebody new: not the one whom the arm obeyed */
    b->greeted = true;
    b->newest_sequence = f->sequence;
    return answer_hello(b, f->sequence, wire);
}

static void setpoint(board *b, const frame *f)
{
    if (b->mode != ARMED)
        return; /* the state that answers says so */
    for (uint8_t i = 0; i < JOINTS; i++)
        joint_set_goal(&b->joints, &b->config, i, get16(f->payload + 2 * i));
    b->applied_sequence = f->sequence;
    b->silent_ms = 0;
}

/* Where the joint is when its servo gets power: measured, or else what the host says, since a limp arm
 * has not stayed where it was last commanded to be. */
static uint16_t start_of(const board *b, const frame *f, uint8_t i)
{
    if (b->mode == HELD)
        return b->joints.commanded[i];
    if (joint_measured(&b->config.joint[i]))
        return joint_position(&b->joints, &b->config, b->inputs.adc, i);
    return get16(f->payload + 2 + 2 * i);
}

static bool near_range(const joint_config *joint, uint16_t ticks)
{
    return ticks + START_MARGIN_TICKS >= joint->low_ticks
        && ticks <= joint->high_ticks + START_MARGIN_TICKS;
}

static uint8_t arm(board *b, const frame *f, uint8_t *wire)
{
    if (b->faults)
        return answer_refused(f->type, f->sequence, FAULTY, b->faults, wire);
    if (b->mode == ARMED)
        return answer_refused(f->type, f->sequence, NOT_DISARMED, b->mode, wire);
    if (b->unsaved)
        return answer_refused(f->type, f->sequence, UNSAVED, 0, wire);
    if (get16(f->payload) != b->config.crc)
        return answer_refused(f->type, f->sequence, WRONG_CONFIG, 0, wire);
    uint16_t start[JOINTS] = {0};
    for (uint8_t i = 0; i < JOINTS; i++) {
        if (!joint_fitted(&b->config.joint[i]))
            continue;
        start[i] = start_of(b, f, i);
        if (!start[i])
            return answer_refused(f->type, f->sequence, NO_START, i, wire);
        if (!near_range(&b->config.joint[i], start[i]))
            return answer_refused(f->type, f->sequence, OUT_OF_RANGE, i, wire);
    }
    memcpy(b->joints.commanded, start, sizeof start);
    joints_halt(&b->joints);
    b->silent_ms = 0;
    b->bad_of_window = 0;
    b->mode = ARMED;
    return answer_state(b, f->type, f->sequence, wire);
}

static uint8_t clear(board *b, const frame *f, uint8_t *wire)
{
    uint8_t still = (uint8_t)((b->inputs.stop_open ? FAULT_STOP_PIN : 0)
                              | (board_supply_low(b) ? FAULT_SUPPLY : 0));
    if (still)
        return answer_refused(f->type, f->sequence, FAULTY, still, wire);
    b->faults &= FAULT_CONFIG;
    return answer_state(b, f->type, f->sequence, wire);
}

/* What makes no sense is refused here already: positions are computed with it from now on. */
static uint8_t write_config(board *b, const frame *f, uint8_t *wire)
{
    if (f->type == WRITE_BOARD) {
        board_config wanted;
        memcpy(&wanted, f->payload, sizeof wanted);
        if (!board_makes_sense(&wanted))
            return answer_refused(f->type, f->sequence, BAD_VALUE, CONFIG_OF_BOARD, wire);
        b->config.board = wanted;
    } else {
        joint_config wanted;
        memcpy(&wanted, f->payload + 1, sizeof wanted);
        if (!joint_makes_sense(&wanted))
            return answer_refused(f->type, f->sequence, BAD_VALUE, f->payload[0], wire);
        b->config.joint[f->payload[0]] = wanted;
        joints_configure(&b->joints, &b->config);
    }
    b->unsaved = true;
    return answer(f->type, f->sequence, f->payload, f->length, wire);
}

static uint8_t save(board *b, const frame *f)
{
    config_seal(&b->config);
    b->saving = true;
    b->save_sequence = f->sequence;
    return 0; /* the answer comes when it is done */
}

uint8_t board_saved(board *b, uint8_t *wire)
{
    b->saving = false;
    b->unsaved = false;
    b->faults &= (uint8_t)~FAULT_CONFIG;
    uint8_t hash[2] = {(uint8_t)b->config.crc, (uint8_t)(b->config.crc >> 8)};
    return answer(SAVE, b->save_sequence, hash, sizeof hash, wire);
}

static uint8_t configure(board *b, const frame *f, uint8_t *wire)
{
    bool of_joint = f->type == READ_JOINT || f->type == WRITE_JOINT;
    if (of_joint && f->payload[0] >= JOINTS)
        return answer_refused(f->type, f->sequence, BAD_VALUE, f->payload[0], wire);
    if (f->type == READ_BOARD)
        return answer(f->type, f->sequence, (const uint8_t *)&b->config.board, sizeof(board_config),
                      wire);
    if (f->type == READ_JOINT) {
        uint8_t payload[1 + sizeof(joint_config)] = {f->payload[0]};
        memcpy(payload + 1, &b->config.joint[f->payload[0]], sizeof(joint_config));
        return answer(f->type, f->sequence, payload, sizeof payload, wire);
    }
    if (b->mode != DISARMED)
        return answer_refused(f->type, f->sequence, NOT_DISARMED, b->mode, wire);
    if (b->saving)
        return answer_refused(f->type, f->sequence, UNSAVED, 0, wire);
    if (f->type != SAVE)
        return write_config(b, f, wire);
    uint8_t wrong = config_check(&b->config);
    if (wrong != CONFIG_FINE)
        return answer_refused(f->type, f->sequence, BAD_VALUE, wrong, wire);
    return save(b, f);
}

uint8_t obey(board *b, uint8_t *wire)
{
    frame f = {b->decoder.raw[0], b->decoder.raw[1], (uint8_t)(b->decoder.length - 4),
               b->decoder.raw + 2};
    uint8_t length = length_of(f.type);
    if (length == 0xFF)
        return answer_refused(f.type, f.sequence, UNKNOWN_TYPE, 0, wire);
    if (f.length != length)
        return answer_refused(f.type, f.sequence, BAD_LENGTH, length, wire);
    if (f.type == HELLO)
        return hello(b, &f, wire);
    if (f.type == STOP) { /* from anybody, however late */
        board_fault(b, FAULT_STOP_FRAME);
        return answer_state(b, f.type, f.sequence, wire);
    }
    if (f.type == STATE) /* asks for nothing to be done: may come twice or late */
        return answer_state(b, f.type, f.sequence, wire);
    bool quiet = f.type == SETPOINT_QUIET;
    if (!b->greeted)
        return quiet ? 0 : answer_refused(f.type, f.sequence, NO_HELLO, 0, wire);
    if (!newer(f.sequence, b->newest_sequence))
        return quiet ? 0
                     : answer_refused(f.type, f.sequence, OLD_SEQUENCE, b->newest_sequence, wire);
    b->newest_sequence = f.sequence;
    switch (f.type) {
    case SETPOINT_QUIET:
        setpoint(b, &f);
        return 0;
    case SETPOINT:
        setpoint(b, &f);
        return answer_state(b, f.type, f.sequence, wire);
    case ARM:
        return arm(b, &f, wire);
    case CLEAR:
        return clear(b, &f, wire);
    case DETACH:
        b->mode = DISARMED;
        return answer_state(b, f.type, f.sequence, wire);
    default:
        return configure(b, &f, wire);
    }
}
