/* Limits and calibration as they lie in the EEPROM, checked by a CRC. */
#ifndef RFP_CONFIG_H
#define RFP_CONFIG_H

#include "protocol.h"

/* Little-endian, as both the AVR and the hosts that run the tests are. */
typedef struct {
    uint16_t low_ticks;
    uint16_t high_ticks;      /* 0: this joint is not fitted, and the rest is 0 */
    uint16_t speed_ticks_s;
    uint16_t step_ticks;      /* furthest a SETPOINT may be from the commanded position */
    uint16_t adc_low;         /* potentiometer at TICK_LOW; equal to adc_high: there is none */
    uint16_t adc_high;        /* potentiometer at TICK_HIGH */
} joint_config;

typedef struct {
    uint16_t heartbeat_ms;
    uint8_t supply_min_dv;    /* 0.1 V; 0: the supply is not watched */
    uint8_t supply_full_dv;   /* 0.1 V that read as 1023 */
} board_config;

typedef struct {
    uint8_t magic[2];         /* "rf" */
    uint8_t version;
    uint8_t joints;
    board_config board;
    joint_config joint[JOINTS];
    uint16_t crc;
} config;

_Static_assert(sizeof(config) == 82, "the EEPROM's layout has no gaps");

enum { CONFIG_FINE = 0xFE, CONFIG_OF_BOARD = 0xFF };

/* An empty configuration: no joint is fitted. */
void config_clear(config *c);

/* CONFIG_FINE, CONFIG_OF_BOARD, or the first joint whose values make no sense. */
uint8_t config_check(const config *c);

bool joint_makes_sense(const joint_config *joint);
bool board_makes_sense(const board_config *board);

bool joint_fitted(const joint_config *joint);
bool joint_measured(const joint_config *joint);

/* Seals `c` with its CRC. */
void config_seal(config *c);

/* Whether `c` is whole, of this version, and makes sense. */
bool config_valid(const config *c);

#endif
