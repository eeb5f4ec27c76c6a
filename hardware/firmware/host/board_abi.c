/* The board's rules as a shared library, for tests on the host that know no layout of its struct. */
#include "../core/board.h"

unsigned abi_size(void) { return sizeof(board); }
void abi_start(board *b, const uint8_t *stored, uint8_t cause)
{
    board_start(b, (const config *)stored, cause);
}
void abi_adc(board *b, uint8_t channel, uint16_t counts) { b->inputs.adc[channel] = counts; }
void abi_stop_pin(board *b, bool open) { b->inputs.stop_open = open; }
void abi_stored(const board *b, uint8_t *image)
{
    const uint8_t *from = (const uint8_t *)&b->config;
    for (unsigned i = 0; i < sizeof b->config; i++)
        image[i] = from[i];
}
bool abi_saving(const board *b) { return b->saving; }
