/* The serial line: a ring in, one frame at a time out. */
#ifndef RFP_UART_H
#define RFP_UART_H

#include <stdbool.h>
#include <stdint.h>

void uart_start(bool slow); /* 500000 baud, or 115200 */
bool uart_take(uint8_t *byte);
bool uart_waiting(void);

/* Starts sending; what is still being sent is finished first. */
void uart_send(const uint8_t *wire, uint8_t length);

uint8_t uart_lost(void); /* bytes that came and could not be kept, counting on */

#endif
