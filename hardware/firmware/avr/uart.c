#include "uart.h"

#include <avr/interrupt.h>
#include <avr/io.h>

#include "../core/cobs.h"

enum { RING = 128 }; /* a power of two: 2.5 ms at 500000 baud */

static volatile uint8_t ring[RING];
static volatile uint8_t head, tail, lost;
static uint8_t out[COBS_WIRE_MAX];
static volatile uint8_t out_next, out_end;

void uart_start(bool slow)
{
    UCSR0A = _BV(U2X0); /* first: simavr takes the divider over when UBRR0 is written */
    UBRR0 = slow ? 16 : 3; /* 16 MHz / 8 / 17 = 117647 (2.1 % off), / 4 = 500000 exactly */
    UCSR0C = _BV(UCSZ01) | _BV(UCSZ00);
    UCSR0B = _BV(RXEN0) | _BV(TXEN0) | _BV(RXCIE0);
    PORTD |= _BV(PD0); /* an unplugged line reads as idle, not as noise */
}

ISR(USART_RX_vect)
{
    uint8_t status = UCSR0A;
    uint8_t byte = UDR0;
    uint8_t next = (uint8_t)((head + 1) & (RING - 1));
    if (next == tail || (status & _BV(DOR0)))
        lost++;
    if (next != tail) {
        ring[head] = byte;
        head = next;
    }
}

ISR(USART_UDRE_vect)
{
    UDR0 = out[out_next++];
    if (out_next == out_end)
        UCSR0B &= (uint8_t)~_BV(UDRIE0);
}

bool uart_waiting(void)
{
    return head != tail;
}

bool uart_take(uint8_t *byte)
{
    if (!uart_waiting())
        return false;
    *byte = ring[tail];
    tail = (uint8_t)((tail + 1) & (RING - 1));
    return true;
}

void uart_send(const uint8_t *wire, uint8_t length)
{
    while (UCSR0B & _BV(UDRIE0))
        ; /* a host that asks before it has its answer waits: 64 bytes, 6 ms at most */
    for (uint8_t i = 0; i < length; i++)
        out[i] = wire[i];
    out_next = 0;
    out_end = length;
    UCSR0B |= _BV(UDRIE0);
}

uint8_t uart_lost(void)
{
    return lost;
}
