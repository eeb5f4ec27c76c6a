#include "adc.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#include "../core/board.h"

static volatile uint16_t newest[ADC_CHANNELS];
static volatile uint8_t channel = ADC_CHANNELS; /* ADC_CHANNELS: no round is under way */

static void convert(uint8_t index)
{
    uint8_t pin = index == ADC_SUPPLY ? 7 : index;
    ADMUX = (uint8_t)(_BV(REFS0) | pin); /* the reference is the board's 5 V */
    ADCSRA |= _BV(ADSC);
}

void adc_start(void)
{
    DIDR0 = 0x3F;
    ADCSRA = _BV(ADEN) | _BV(ADIE) | _BV(ADPS2) | _BV(ADPS1) | _BV(ADPS0); /* 125 kHz: 104 us each */
}

void adc_begin_round(void)
{
    if (channel < ADC_CHANNELS)
        return; /* begun late: what is being converted would be taken for channel 0 */
    channel = 0;
    convert(0);
}

ISR(ADC_vect)
{
    newest[channel] = ADC;
    if (++channel < ADC_CHANNELS)
        convert(channel);
}

void adc_copy(uint16_t *counts)
{
    for (uint8_t i = 0; i < ADC_CHANNELS; i++)
        ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
        {
            counts[i] = newest[i];
        }
}
