/* A barrier's module built on libmodbus: a slave that owes nothing to our code.
 *
 * modbus_slave tcp PORT | modbus_slave rtu DEVICE
 * Unit 7. Inputs 0-31, coils 0-31, registers 0-15. A raise (coil 0) puts the boom up (input 7), a lower (coil 1)
 * puts it down (input 8). Each write is told on standard output: "coil 0 1", "register 0 5".
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNIT = 7, BOOM_UP = 7, BOOM_DOWN = 8 };

static void follow(modbus_mapping_t *map, const uint8_t *pdu)
{
    int address = pdu[1] << 8 | pdu[2];
    int value = pdu[3] << 8 | pdu[4];

    if (pdu[0] == 0x05 && address < map->nb_bits) {
        printf("coil %d %d\n", address, value != 0);
        if (value != 0 && address <= 1) {
            map->tab_input_bits[BOOM_UP] = address == 0;
            map->tab_input_bits[BOOM_DOWN] = address == 1;
        }
    } else if (pdu[0] == 0x06 && address < map->nb_registers) {
        printf("register %d %d\n", address, value);
    }
    fflush(stdout);
}

static int serve(modbus_t *line, modbus_mapping_t *map)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    int header = modbus_get_header_length(line);

    for (;;) {
        int size = modbus_receive(line, request);
        if (size > 0) {
            if (modbus_reply(line, request, size, map) < 0)
                return -1;
            follow(map, request + header);
        } else if (size < 0 && errno != EMBBADCRC && errno != EMBBADDATA && errno != ETIMEDOUT) {
            return -1;
        }
    }
}

int main(int count, char **words)
{
    modbus_mapping_t *map = modbus_mapping_new(32, 32, 16, 0);
    modbus_t *line;

    if (count != 3 || map == NULL)
        return 2;
    map->tab_input_bits[BOOM_DOWN] = 1;
    map->tab_bits[3] = 1;
    map->tab_registers[1] = 1;
    map->tab_registers[2] = 1;
    if (strcmp(words[1], "rtu") == 0) {
        line = modbus_new_rtu(words[2], 19200, 'N', 8, 1);
        if (line == NULL || modbus_set_slave(line, UNIT) < 0 || modbus_connect(line) < 0)
            return 3;
        puts("ready");
        fflush(stdout);
        serve(line, map);
        return 0;
    }
    line = modbus_new_tcp("127.0.0.1", atoi(words[2]));
    int listener = line == NULL ? -1 : modbus_tcp_listen(line, 1);
    if (listener < 0 || modbus_set_slave(line, UNIT) < 0)
        return 3;
    puts("ready");
    fflush(stdout);
    while (modbus_tcp_accept(line, &listener) >= 0) {
        serve(line, map);
        modbus_close(line);
    }
    return 0;
}
