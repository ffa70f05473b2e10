/* troupe - the program; its commands are in cmd_*.c. */
#include <stdio.h>
#include <unistd.h>

#include "ops/cmd.h"

int
main(int argc, char **argv)
{
	return (int)cmd_main(argc, argv, environ, stdout, stderr);
}
