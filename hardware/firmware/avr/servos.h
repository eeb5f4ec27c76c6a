/* Six servo pulses on PB0..PB5, one after the other, every 20 ms. */
#ifndef RFP_SERVOS_H
#define RFP_SERVOS_H

#include <stdint.h>

void servos_start(void);

/* Width of the next pulse in ticks of 0.5 us; 0: no pulse, the servo is limp. */
void servos_set(uint8_t servo, uint16_t ticks);

#endif
