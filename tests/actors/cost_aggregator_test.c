#include "actors/cost_aggregator.h"

#include "tests/actors/people.h"
#include "tests/rig.h"

int
main(void)
{
	return 0;
}
