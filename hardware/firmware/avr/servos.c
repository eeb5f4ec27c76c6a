#include "servos.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <stdbool.h>
#include <util/atomic.h>

#include "../core/protocol.h"

enum {
    PERIOD = 40000,     /* ticks of 0.5 us: 20 ms */
    SLOT = 6000,        /* servo i's pulse begins i * SLOT into the period */
    EARLY = 20          /* the interrupt comes this much before an edge, and waits for it */
};

static volatile uint16_t widths[JOINTS];
static uint8_t slot;
static uint16_t rises_at = 400; /* times are those of the free-running Timer1, modulo 65536 */
static uint16_t falls_at;
static bool high;

void servos_start(void)
{
    DDRB |= 0x3F;
    PORTB &= (uint8_t)~0x3F;
    OCR1A = rises_at - EARLY;
    TCCR1A = 0;
    TCCR1B = _BV(CS11); /* clock / 8 */
    TIMSK1 = _BV(OCIE1A);
}

void servos_set(uint8_t servo, uint16_t ticks)
{
    ATOMIC_BLOCK(ATOMIC_RESTORESTATE)
    {
        widths[servo] = ticks;
    }
}

/* An edge is exact to the tick unless another interrupt runs for more than 10 us. */
static void wait_until(uint16_t at)
{
    while ((int16_t)(TCNT1 - at) < 0)
        ;
}

static void next_slot(void)
{
    if (++slot < JOINTS) {
        rises_at += SLOT;
    } else {
        slot = 0;
        rises_at += PERIOD - (JOINTS - 1) * SLOT;
    }
    OCR1A = rises_at - EARLY;
}

ISR(TIMER1_COMPA_vect)
{
    if (high) {
        wait_until(falls_at);
        PORTB &= (uint8_t)~_BV(slot);
        high = false;
        next_slot();
    } else if (widths[slot]) {
        falls_at = rises_at + widths[slot];
        wait_until(rises_at);
        PORTB |= _BV(slot);
        high = true;
        OCR1A = falls_at - EARLY;
    } else {
        next_slot();
    }
}
