/* The control socket: one client, lines of text (README.md lists them).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>
#include <stdint.h>

/* Listens at `path`; false, with a message, where that cannot be. */
bool control_open(const char *path, bool lockstep);
int control_fd(void);      /* to poll: the client's, or else the listening socket */
bool control_serve(void);  /* reads what came; false after `quit` or when the client has gone */
void control_sent(uint64_t cycle, uint8_t byte);
void control_pulse(uint8_t servo, uint64_t cycle, uint32_t width);
void control_flush(void);
void control_lag(uint64_t cycles); /* for `stats`: how far the chip was behind the clock */

#endif
