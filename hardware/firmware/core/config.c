#include "config.h"

#include <string.h>

#include "crc16.h"

enum { SPEED_LOWEST = 50, STEP_MOST = TICK_HIGH - TICK_LOW, ADC_HIGHEST = 1023, ADC_SPAN_LEAST = 50 };
enum { HEARTBEAT_LEAST_MS = 20, HEARTBEAT_MOST_MS = 2000 };

void config_clear(config *c)
{
    memset(c, 0, sizeof *c);
    c->magic[0] = 'r';
    c->magic[1] = 'f';
    c->version = RFP_VERSION;
    c->joints = JOINTS;
    c->board.heartbeat_ms = 100;
    c->board.supply_full_dv = 200;
}

bool joint_fitted(const joint_config *joint)
{
    return joint->high_ticks != 0;
}

bool joint_measured(const joint_config *joint)
{
    return joint->adc_low != joint->adc_high;
}

bool joint_makes_sense(const joint_config *j)
{
    if (!joint_fitted(j))
        return !j->low_ticks && !j->speed_ticks_s && !j->step_ticks && !j->adc_low && !j->adc_high;
    if (j->low_ticks < TICK_LOW || j->high_ticks > TICK_HIGH || j->low_ticks >= j->high_ticks)
        return false;
    if (j->speed_ticks_s < SPEED_LOWEST || !j->step_ticks || j->step_ticks > STEP_MOST)
        return false;
    if (j->adc_low > ADC_HIGHEST || j->adc_high > ADC_HIGHEST)
        return false;
    uint16_t span = j->adc_low < j->adc_high ? j->adc_high - j->adc_low : j->adc_low - j->adc_high;
    return span == 0 || span >= ADC_SPAN_LEAST;
}

bool board_makes_sense(const board_config *b)
{
    if (b->heartbeat_ms < HEARTBEAT_LEAST_MS || b->heartbeat_ms > HEARTBEAT_MOST_MS)
        return false;
    return b->supply_full_dv && b->supply_min_dv < b->supply_full_dv;
}

uint8_t config_check(const config *c)
{
    if (!board_makes_sense(&c->board))
        return CONFIG_OF_BOARD;
    bool any = false;
    for (uint8_t i = 0; i < JOINTS; i++) {
        if (!joint_makes_sense(&c->joint[i]))
            return i;
        any |= joint_fitted(&c->joint[i]);
    }
    return any ? CONFIG_FINE : 0;
}

static uint16_t crc_of(const config *c)
{
    return crc16((const uint8_t *)c, (uint8_t)(sizeof *c - sizeof c->crc));
}

void config_seal(config *c)
{
    c->crc = crc_of(c);
}

bool config_valid(const config *c)
{
    return c->magic[0] == 'r' && c->magic[1] == 'f' && c->version == RFP_VERSION
        && c->joints == JOINTS && c->crc == crc_of(c) && config_check(c) == CONFIG_FINE;
}
