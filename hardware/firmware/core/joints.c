#include "joints.h"

void joints_configure(joints *j, const config *c)
{
    for (uint8_t i = 0; i < JOINTS; i++) {
        const joint_config *joint = &c->joint[i];
        int16_t span = (int16_t)(joint->adc_high - joint->adc_low);
        j->slope[i] = span ? (int32_t)(TICK_HIGH - TICK_LOW) * 4096 / span : 0;
    }
}

uint16_t joint_position(const joints *j, const config *c, const uint16_t *adc, uint8_t i)
{
    if (!joint_measured(&c->joint[i]))
        return j->commanded[i];
    int16_t counts = (int16_t)(adc[i] - c->joint[i].adc_low);
    /* Half a tick is added before the shift, which rounds downwards for both signs. */
    int32_t ticks = TICK_LOW + ((counts * j->slope[i] + 2048) >> 12);
    return ticks < 1 ? 1 : ticks > 0x7FFF ? 0x7FFF : (uint16_t)ticks;
}

static uint16_t clamp(uint16_t value, uint16_t low, uint16_t high)
{
    return value < low ? low : value > high ? high : value;
}

void joint_set_goal(joints *j, const config *c, uint8_t i, uint16_t goal)
{
    const joint_config *joint = &c->joint[i];
    uint8_t bit = (uint8_t)(1 << i);
    j->clamped_range &= (uint8_t)~bit;
    j->clamped_step &= (uint8_t)~bit;
    if (goal == 0 || !joint_fitted(joint))
        return;
    uint16_t from = j->commanded[i];
    /* One that was armed outside its range may stay or come back, but go no further out. */
    uint16_t low = from < joint->low_ticks ? from : joint->low_ticks;
    uint16_t high = from > joint->high_ticks ? from : joint->high_ticks;
    uint16_t in_range = clamp(goal, low, high);
    if (in_range != goal)
        j->clamped_range |= bit;
    uint16_t lowest = from > joint->step_ticks ? (uint16_t)(from - joint->step_ticks) : 0;
    j->goal[i] = clamp(in_range, lowest, (uint16_t)(from + joint->step_ticks));
    if (j->goal[i] != in_range)
        j->clamped_step |= bit;
}

void joints_ramp(joints *j, const config *c)
{
    j->limited_speed = 0;
    for (uint8_t i = 0; i < JOINTS; i++) {
        uint16_t most = c->joint[i].speed_ticks_s / (1000 / RAMP_MS);
        uint16_t at = j->commanded[i];
        uint16_t goal = j->goal[i];
        uint16_t away = goal > at ? (uint16_t)(goal - at) : (uint16_t)(at - goal);
        if (away > most) {
            j->limited_speed |= (uint8_t)(1 << i);
            away = most;
        }
        j->commanded[i] = goal > at ? (uint16_t)(at + away) : (uint16_t)(at - away);
    }
}

void joints_halt(joints *j)
{
    for (uint8_t i = 0; i < JOINTS; i++)
        j->goal[i] = j->commanded[i];
    j->limited_speed = 0;
}
