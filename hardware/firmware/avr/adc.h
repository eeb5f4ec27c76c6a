/* Potentiometers on ADC0..ADC5 and the servos' supply on ADC7, each read once a millisecond. */
#ifndef RFP_ADC_H
#define RFP_ADC_H

#include <stdint.h>

void adc_start(void);
void adc_begin_round(void); /* unless one is under way: it takes 0.73 ms */
void adc_copy(uint16_t *counts); /* the newest of each of ADC_CHANNELS */

#endif
