#include "board.h"

#include <string.h>

#include "commands.h"

enum {
    RESET_BY_WATCHDOG = 0x08,   /* WDRF in MCUSR */
    SUPPLY_LOW_MS = 20,         /* shorter dips are the servos' own start-up currents */
    BAD_FRAMES_MOST = 32,       /* in a window, before the link counts as broken */
    WINDOW_MS = 1000
};

void board_start(board *b, const config *stored, uint8_t reset_cause)
{
    memset(b, 0, sizeof *b);
    cobs_start(&b->decoder);
    b->reset_cause = reset_cause;
    if (reset_cause & RESET_BY_WATCHDOG)
        b->faults |= FAULT_WATCHDOG;
    if (config_valid(stored)) {
        b->config = *stored;
    } else {
        config_clear(&b->config);
        b->faults |= FAULT_CONFIG;
    }
    joints_configure(&b->joints, &b->config);
}

void board_fault(board *b, uint8_t fault)
{
    b->faults |= fault;
    if (b->mode == ARMED) {
        b->mode = HELD;
        joints_halt(&b->joints);
    }
}

/* Whether `times` the supply of the servos is below what the configuration asks for. */
static bool supply_below(const board *b, uint8_t times)
{
    const board_config *limits = &b->config.board;
    uint32_t scaled = (uint32_t)b->inputs.adc[ADC_SUPPLY] * limits->supply_full_dv * times;
    return scaled < (uint32_t)limits->supply_min_dv * 1023;
}

bool board_supply_low(const board *b)
{
    return supply_below(b, 1);
}

/* Below half of its limit servos hold nothing: somebody has cut their power, and the arm has sunk. Pulses
 * that went on would make it jump to where it was as soon as the power is back. */
static void watch_power_cut(board *b)
{
    if (!supply_below(b, 2))
        b->supply_gone_ms = 0;
    else if (b->supply_gone_ms < SUPPLY_LOW_MS)
        b->supply_gone_ms++;
    else
        b->mode = DISARMED;
}

static void watch_supply(board *b)
{
    if (!board_supply_low(b)) {
        b->supply_low_ms = 0;
        if (b->mode == DISARMED)
            b->faults &= (uint8_t)~FAULT_SUPPLY; /* not yet switched on is no accident */
    } else if (b->supply_low_ms < SUPPLY_LOW_MS) {
        b->supply_low_ms++;
    } else {
        board_fault(b, FAULT_SUPPLY);
    }
    watch_power_cut(b);
}

static void watch_link(board *b)
{
    if (++b->window_ms >= WINDOW_MS) {
        b->window_ms = 0;
        b->bad_of_window = 0;
    }
    if (b->mode != ARMED)
        return;
    if (b->bad_of_window > BAD_FRAMES_MOST)
        board_fault(b, FAULT_LINK);
    else if (++b->silent_ms >= b->config.board.heartbeat_ms)
        board_fault(b, FAULT_HEARTBEAT);
}

void board_tick(board *b)
{
    b->uptime_ms++;
    if (b->inputs.stop_open)
        board_fault(b, FAULT_STOP_PIN);
    watch_supply(b);
    watch_link(b);
    if (++b->ramp_ms >= RAMP_MS) {
        b->ramp_ms = 0;
        if (b->mode == ARMED)
            joints_ramp(&b->joints, &b->config);
    }
}

uint8_t board_receive(board *b, uint8_t byte, uint8_t *wire)
{
    switch (cobs_receive(&b->decoder, byte)) {
    case COBS_MORE:
        return 0;
    case COBS_FRAME:
        if (frame_intact(&b->decoder))
            return obey(b, wire);
        break;
    case COBS_BAD:
        break;
    }
    b->bad_frames++;
    if (b->bad_of_window < 255)
        b->bad_of_window++;
    return 0;
}

uint16_t board_pulse(const board *b, uint8_t i)
{
    return b->mode == DISARMED || !joint_fitted(&b->config.joint[i]) ? 0 : b->joints.commanded[i];
}
