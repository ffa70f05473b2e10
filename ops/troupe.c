/* troupe - the program; its commands are in cmd_*.c. */
#include <stdio.h>
#include <unistd.h>

#include "ops/cmd.h"
#include "runtime/base/thread.h"

int
main(int argc, char **argv)
{
	thread_name("troupe"); /* not exe, as which it starts its own kind */
	return (int)cmd_main(argc, argv, environ, stdout, stderr);
}
