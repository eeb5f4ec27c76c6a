/* The ATmega328P in simavr with what the board has round it. SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CHIP_H
#define CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CHIP_HZ = 16000000, CHIP_SERVOS = 6, CHIP_EEPROM = 1024 };

/* What the chip does. `cycle` counts from the start on, through resets. */
typedef struct {
    void (*sent)(uint64_t cycle, uint8_t byte);                        /* last bit on the line */
    void (*pulse)(uint8_t servo, uint64_t cycle, uint32_t width);      /* falling edge; cycles */
} chip_events;

/* False, with a message on stderr, if there is no such firmware. */
bool chip_start(const char *elf, bool slow_strap, const uint8_t *eeprom, chip_events events);

uint64_t chip_cycle(void);

/* Runs up to `cycle` (a few cycles beyond), taking the bytes that come until then off the queue. */
void chip_run_until(uint64_t cycle);

/* Bytes on the line to the chip, from now or after those that are still under way. */
void chip_receive(const uint8_t *bytes, size_t count);
uint64_t chip_receiving_until(void); /* when the last of them is there; 0: none is under way */

uint32_t chip_baud(void); /* what the firmware has set; 0 before it has */
void chip_adc(uint8_t channel, uint32_t millivolts);
void chip_stop_pin(bool open);
void chip_hang(void); /* an endless loop without interrupts, as a bug would have it */
void chip_power_cycle(void);
bool chip_crashed(void);
void chip_eeprom(uint8_t *image);
unsigned chip_lost(void); /* bytes for which the line's queue had no room */

#endif
