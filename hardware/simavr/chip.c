/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chip.h"

#include <avr_adc.h>
#include <avr_eeprom.h>
#include <avr_ioport.h>
#include <avr_uart.h>
#include <sim_avr.h>
#include <sim_elf.h>
#include <stdio.h>
#include <string.h>

/* simavr counts a byte's time from when the one before was read, so a burst takes some per cent longer
 * than on a wire. Bytes wait here then, instead of being lost for a reason that no board has. */
enum { BACKLOG = 8 };
enum { QUEUE = 65536, STOP_PIN = 4, SLOW_PIN = 5 };
enum { UCSR0A = 0xC0, UBRR0L = 0xC4, UBRR0H = 0xC5, U2X0 = 0x02 }; /* data sheet, section 36 */

static avr_t *avr;
static avr_uart_t *uart;
static chip_events events;
static uint64_t before_reset; /* simavr may count from 0 again */
static avr_cycle_count_t last_seen;
static uint8_t queue[QUEUE];
static size_t queue_head, queue_count;
static uint64_t next_receive, line_free;
static uint64_t rose_at[CHIP_SERVOS];
static uint8_t outside; /* levels that the board's wiring puts on port D */
static unsigned lost;
static uint32_t millivolts_at[8];
static bool was_reset;
static void (*reset_of_core)(avr_t *);

static avr_cycle_count_t wake(avr_t *a, avr_cycle_count_t when, void *nothing)
{
    (void)a, (void)when, (void)nothing;
    return 0;
}

static void never_wait(avr_t *a, avr_cycle_count_t cycles)
{
    (void)a, (void)cycles; /* time is kept by whoever calls chip_run_until */
}

uint64_t chip_cycle(void)
{
    if (avr->cycle < last_seen)
        before_reset += last_seen;
    last_seen = avr->cycle;
    return before_reset + avr->cycle;
}

static uint32_t cycles_per_byte(void)
{
    uint32_t divider = (uint32_t)(avr->data[UBRR0L] | (avr->data[UBRR0H] & 0x0F) << 8) + 1;
    return 10 * divider * (avr->data[UCSR0A] & U2X0 ? 8 : 16);
}

uint32_t chip_baud(void)
{
    return avr->data[UBRR0L] ? 10u * CHIP_HZ / cycles_per_byte() : 0;
}

static void on_output(avr_irq_t *irq, uint32_t value, void *nothing)
{
    (void)irq, (void)nothing;
    uint64_t now = chip_cycle();
    line_free = (line_free > now ? line_free : now) + cycles_per_byte();
    events.sent(line_free, (uint8_t)value);
}

static void on_servo_pin(avr_irq_t *irq, uint32_t value, void *which)
{
    (void)irq;
    uint8_t servo = (uint8_t)(uintptr_t)which;
    uint64_t now = chip_cycle();
    if (value)
        rose_at[servo] = now;
    else if (rose_at[servo])
        events.pulse(servo, now, (uint32_t)(now - rose_at[servo]));
}

static void on_reset(avr_t *a)
{
    was_reset = true;
    reset_of_core(a);
}

/* A level is said twice: the firmware's pull-ups would hide one that came by IRQ alone. And by way of
 * its opposite, because simavr tells nobody of a level that is as it was before a reset. */
static void apply_pin(int pin)
{
    bool high = outside & 1 << pin;
    avr_ioport_external_t levels = {.name = 'D', .mask = 1 << STOP_PIN | 1 << SLOW_PIN,
                                    .value = outside};
    avr_ioctl(avr, AVR_IOCTL_IOPORT_SET_EXTERNAL('D'), &levels);
    avr_irq_t *irq = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), pin);
    avr_raise_irq(irq, !high);
    avr_raise_irq(irq, high);
}

static void set_pin(int pin, bool high)
{
    outside = (uint8_t)((outside & ~(1 << pin)) | (high ? 1 << pin : 0));
    apply_pin(pin);
}

/* What is wired to the chip does not change when it resets. */
static void reconnect(void)
{
    was_reset = false;
    apply_pin(STOP_PIN);
    apply_pin(SLOW_PIN);
    for (uint8_t i = 0; i < 8; i++)
        chip_adc(i, millivolts_at[i]);
}

bool chip_start(const char *elf, bool slow_strap, const uint8_t *eeprom, chip_events what)
{
    elf_firmware_t firmware = {0};
    if (elf_read_firmware(elf, &firmware) != 0) {
        fprintf(stderr, "%s: not a firmware; build it with make -C hardware/firmware\n", elf);
        return false;
    }
    avr = avr_make_mcu_by_name("atmega328p");
    if (!avr || avr_init(avr) != 0) {
        fprintf(stderr, "this simavr has no atmega328p\n");
        return false;
    }
    avr->frequency = CHIP_HZ;
    avr->vcc = avr->avcc = avr->aref = 5000;
    avr_load_firmware(avr, &firmware);
    avr->frequency = CHIP_HZ; /* the file need not say */
    avr->sleep = never_wait;
    events = what;
    avr_eeprom_desc_t stored = {.ee = (uint8_t *)eeprom, .offset = 0, .size = CHIP_EEPROM};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_SET, &stored);
    for (avr_io_t *io = avr->io_port; io; io = io->next)
        if (!strcmp(io->kind, "uart"))
            uart = (avr_uart_t *)io;
    uint32_t flags = 0; /* no waiting and no printing by simavr itself */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT),
                            on_output, NULL);
    for (uintptr_t i = 0; i < CHIP_SERVOS; i++)
        avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), (int)i),
                                on_servo_pin, (void *)i);
    reset_of_core = avr->reset;
    avr->reset = on_reset;
    set_pin(STOP_PIN, false);
    set_pin(SLOW_PIN, !slow_strap);
    return true;
}

static void run_piece(uint64_t until)
{
    uint64_t now = chip_cycle();
    if (now >= until)
        return;
    /* simavr counts a parity bit that is not there: 11 bits for 10. */
    uart->cycles_per_byte = cycles_per_byte();
    avr_cycle_timer_register(avr, until - now, wake, NULL); /* a sleeping chip stops here, too */
    while (chip_cycle() < until && !chip_crashed()) {
        avr_run(avr);
        if (was_reset)
            reconnect();
    }
    avr_cycle_timer_cancel(avr, wake, NULL);
}

void chip_run_until(uint64_t cycle)
{
    while (queue_count && next_receive <= cycle) {
        run_piece(next_receive);
        if (((uart->input.write - uart->input.read) & (uart_fifo_fifo_size - 1)) >= BACKLOG) {
            next_receive += cycles_per_byte();
            continue;
        }
        avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT),
                      queue[queue_head]);
        queue_head = (queue_head + 1) % QUEUE;
        queue_count--;
        next_receive += cycles_per_byte();
    }
    run_piece(cycle);
}

void chip_receive(const uint8_t *bytes, size_t count)
{
    uint64_t now = chip_cycle();
    if (next_receive < now)
        next_receive = now;
    for (size_t i = 0; i < count; i++) {
        if (queue_count == QUEUE) {
            lost++;
            continue;
        }
        queue[(queue_head + queue_count++) % QUEUE] = bytes[i];
    }
}

uint64_t chip_receiving_until(void)
{
    return queue_count ? next_receive + queue_count * cycles_per_byte() : 0;
}

void chip_adc(uint8_t channel, uint32_t millivolts)
{
    millivolts_at[channel] = millivolts;
    avr_raise_irq(avr_io_getirq(avr, AVR_IOCTL_ADC_GETIRQ, ADC_IRQ_ADC0 + channel), millivolts);
}

void chip_stop_pin(bool open)
{
    set_pin(STOP_PIN, open);
}

void chip_hang(void)
{
    for (uint32_t at = 0; at + 1 < avr->codeend; at += 2)
        if (avr->flash[at] == 0xFF && avr->flash[at + 1] == 0xCF) { /* rjmp to itself */
            avr->sreg[S_I] = 0;
            avr->state = cpu_Running;
            avr->pc = at;
            return;
        }
}

void chip_power_cycle(void)
{
    before_reset = chip_cycle();
    avr_reset(avr);
    before_reset -= avr->cycle;
    last_seen = avr->cycle;
    queue_count = 0;
}

bool chip_crashed(void)
{
    return avr->state == cpu_Crashed || avr->state == cpu_Done;
}

void chip_eeprom(uint8_t *image)
{
    avr_eeprom_desc_t stored = {.ee = image, .offset = 0, .size = CHIP_EEPROM};
    avr_ioctl(avr, AVR_IOCTL_EEPROM_GET, &stored);
}

unsigned chip_lost(void)
{
    return lost;
}
