/* Where each servo is told to be, and the limits on the way there. */
#ifndef RFP_JOINTS_H
#define RFP_JOINTS_H

#include "config.h"

enum { RAMP_MS = 20 }; /* servos look at a new pulse this often; the ramp takes a step as often */

typedef struct {
    uint16_t commanded[JOINTS];   /* ticks; 0: nobody knows yet */
    uint16_t goal[JOINTS];
    int32_t slope[JOINTS];        /* ticks per ADC count, times 4096; 0: not measured */
    uint8_t clamped_range;        /* a bit a joint, of the newest SETPOINT */
    uint8_t clamped_step;
    uint8_t limited_speed;        /* a bit a joint, of the newest step of the ramp */
} joints;

/* Takes over what can be computed beforehand from `c`. */
void joints_configure(joints *j, const config *c);

/* Where the joint is: measured where it can be, else commanded. */
uint16_t joint_position(const joints *j, const config *c, const uint16_t *adc, uint8_t i);

/* Takes a goal in ticks, 0 = none; clamps it to range and step. */
void joint_set_goal(joints *j, const config *c, uint8_t i, uint16_t goal);

/* RAMP_MS have passed: moves what is commanded towards the goals, no faster than allowed. */
void joints_ramp(joints *j, const config *c);

/* The goals are where the commands are now: nothing moves any more. */
void joints_halt(joints *j);

#endif
