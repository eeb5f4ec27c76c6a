#include "cobs.h"

void cobs_start(cobs_decoder *decoder)
{
    decoder->length = 0;
    decoder->left = 0;
    decoder->zero_due = false;
    decoder->too_long = false;
    decoder->any = false;
}

static void keep(cobs_decoder *decoder, uint8_t byte)
{
    if (decoder->length < COBS_RAW_MAX)
        decoder->raw[decoder->length++] = byte;
    else
        decoder->too_long = true;
}

cobs_result cobs_receive(cobs_decoder *decoder, uint8_t byte)
{
    if (byte == 0) {
        bool whole = decoder->left == 0 && !decoder->too_long;
        bool any = decoder->any;
        uint8_t length = decoder->length;
        cobs_start(decoder);
        if (!any)
            return COBS_MORE; /* a 00 more than needed resynchronises and is no error */
        decoder->length = length;
        return whole ? COBS_FRAME : COBS_BAD;
    }
    if (!decoder->any) {
        decoder->length = 0;
        decoder->any = true;
    }
    if (decoder->left == 0) {
        if (decoder->zero_due)
            keep(decoder, 0);
        decoder->left = (uint8_t)(byte - 1);
        decoder->zero_due = byte != 0xFF;
    } else {
        decoder->left--;
        keep(decoder, byte);
    }
    return COBS_MORE;
}

uint8_t cobs_encode(const uint8_t *raw, uint8_t length, uint8_t *wire)
{
    uint8_t code_at = 0;
    uint8_t end = 1;
    for (uint8_t i = 0; i < length; i++) {
        if (raw[i] == 0) {
            wire[code_at] = (uint8_t)(end - code_at);
            code_at = end++;
        } else {
            wire[end++] = raw[i];
        }
    }
    wire[code_at] = (uint8_t)(end - code_at);
    wire[end++] = 0;
    return end;
}
