/* The servo board: an ATmega328P at 16 MHz. The pins are in ../../README.md. */
#include <avr/eeprom.h>
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "../core/board.h"
#include "adc.h"
#include "servos.h"
#include "uart.h"

enum { STOP_PIN = PD4, SLOW_PIN = PD5 };

static board the_board;
static volatile uint8_t elapsed_ms;
static uint8_t cause __attribute__((section(".noinit")));

/* Before main: after a watchdog reset the watchdog still runs, with its shortest time. A loader that has
 * read and cleared MCUSR leaves what it was in r2 (Optiboot does). */
__attribute__((naked, used, section(".init3"))) void note_reset(void)
{
    uint8_t left_by_loader;
    __asm__ volatile("mov %0, r2" : "=r"(left_by_loader));
    cause = MCUSR ? MCUSR : left_by_loader & 0x0F;
    MCUSR = 0;
    wdt_disable();
}

ISR(TIMER0_COMPA_vect)
{
    elapsed_ms++;
}

static void clock_start(void)
{
    TCCR0A = _BV(WGM01);
    OCR0A = 249;
    TIMSK0 = _BV(OCIE0A);
    TCCR0B = _BV(CS01) | _BV(CS00); /* 16 MHz / 64 / 250 = 1 kHz */
}

static void sense(void)
{
    adc_copy(the_board.inputs.adc);
    the_board.inputs.stop_open = (PIND & _BV(STOP_PIN)) != 0;
    the_board.inputs.lost_bytes = uart_lost();
}

static void set_pulses(void)
{
    for (uint8_t i = 0; i < JOINTS; i++)
        servos_set(i, board_pulse(&the_board, i));
}

/* Up to the first frame that is answered: a host that asks without end must not keep time, stop switch
 * and watchdog waiting. */
static void listen(void)
{
    uint8_t byte;
    uint8_t wire[COBS_WIRE_MAX];
    uint8_t length = 0;
    while (!length && uart_take(&byte))
        length = board_receive(&the_board, byte, wire);
    if (length) {
        set_pulses();
        uart_send(wire, length);
    }
}

/* One byte at a time, so that 82 bytes of 3.4 ms each do not keep the watchdog waiting. */
static void save(void)
{
    static uint8_t next;
    if (!the_board.saving || !eeprom_is_ready())
        return;
    if (next < sizeof the_board.config) {
        const uint8_t *from = (const uint8_t *)&the_board.config;
        eeprom_update_byte((uint8_t *)(uint16_t)next, from[next]);
        next++;
        return;
    }
    next = 0;
    uint8_t wire[COBS_WIRE_MAX];
    uart_send(wire, board_saved(&the_board, wire));
}

/* The watchdog is fed only where time passes: a dead clock resets as much as a dead loop. */
static void keep_time(void)
{
    static uint8_t seen_ms;
    while (seen_ms != elapsed_ms) {
        seen_ms++;
        wdt_reset();
        sense();
        adc_begin_round();
        board_tick(&the_board);
        set_pulses();
    }
}

static void doze(void)
{
    cli();
    if (!uart_waiting() && !the_board.saving) {
        sleep_enable();
        sei(); /* takes effect after the next instruction: no interrupt slips in between */
        sleep_cpu();
        sleep_disable();
    }
    sei();
}

int main(void)
{
    config stored;
    DDRD &= (uint8_t)~(_BV(STOP_PIN) | _BV(SLOW_PIN));
    PORTD |= _BV(STOP_PIN) | _BV(SLOW_PIN);
    wdt_enable(WDTO_250MS);
    eeprom_read_block(&stored, (const void *)0, sizeof stored);
    board_start(&the_board, &stored, cause);
    servos_start();
    adc_start();
    clock_start();
    uart_start((PIND & _BV(SLOW_PIN)) == 0);
    set_sleep_mode(SLEEP_MODE_IDLE);
    sei();
    for (;;) {
        listen();
        keep_time();
        save();
        doze();
    }
}
