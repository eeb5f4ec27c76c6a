/* The serial line's end at the host: a pseudoterminal, or an open file that was inherited.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stdint.h>

/* Opens a pseudoterminal and makes `link` lead to it; returns its master, or -1 with a message. */
int line_open(const char *link);
void line_use(int fd);
int line_fd(void);

/* What the host has written goes to the chip; false once the other end is gone. */
bool line_read(void);

/* A byte that is on the line until `cycle`. */
void line_queue(uint64_t cycle, uint8_t byte);

/* Hands over what the line has carried by `cycle`; returns when the next byte is due, or 0. */
uint64_t line_flush(uint64_t cycle);

#endif
