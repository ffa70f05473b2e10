// Savina's message benchmarks in CAF, the C++ Actor Framework; see
// ../savina.c for the rows.
//
//   savina ROW THREADS MESSAGES
//
// A message is a struct of a number and 56 bytes of load; actors are
// event-based functions, each message sent with the framework's defaults.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <caf/all.hpp>

struct letter {
	uint64_t number;
	char load[56];
};

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(letter)

using namespace caf;

using go_atom = atom_constant<atom("go")>;
using answer_atom = atom_constant<atom("answer")>;
using end_atom = atom_constant<atom("end")>;

constexpr size_t ring_actors = 100, fan = 16, big_actors = 50;

static uint64_t wanted;
static std::vector<actor> all;
static actor watcher; // hears end_atom

using clock_type = std::chrono::steady_clock;

static behavior pong(event_based_actor *self)
{
	return { [=](const letter &m) {
		self->send(actor_cast<actor>(self->current_sender()), m);
	} };
}

static behavior ping(event_based_actor *self, actor other, uint64_t trips)
{
	auto left = std::make_shared<uint64_t>(trips);

	return {
		[=](go_atom) { self->send(other, letter{ *left, {} }); },
		[=](const letter &m) {
			if (--*left == 0)
				self->send(watcher, end_atom::value);
			else
				self->send(other, m);
		},
	};
}

static behavior ring(event_based_actor *self, size_t next)
{
	return { [=](letter &m) {
		if (m.number == 0) {
			self->send(watcher, end_atom::value);
			return;
		}
		m.number--;
		self->send(all[next], m);
	} };
}

static behavior sink(event_based_actor *self, uint64_t count)
{
	auto left = std::make_shared<uint64_t>(count);

	return { [=](const letter &) {
		if (--*left == 0)
			self->send(watcher, end_atom::value);
	} };
}

static behavior sender(event_based_actor *self, actor to, uint64_t count)
{
	return { [=](go_atom) {
		for (uint64_t i = count; i > 0; i--)
			self->send(to, letter{ i, {} });
	} };
}

static behavior source(event_based_actor *self, uint64_t each)
{
	return { [=](go_atom) {
		for (uint64_t i = each; i > 0; i--)
			for (auto &to : all)
				self->send(to, letter{ i, {} });
	} };
}

static behavior big(event_based_actor *self, uint64_t each, uint64_t seed)
{
	auto left = std::make_shared<uint64_t>(each);
	auto dice = std::make_shared<uint64_t>(seed);
	auto ask = [=] {
		*dice = *dice * 6364136223846793005u + 1442695040888963407u;
		self->send(all[(*dice >> 33) % big_actors], letter{ 1, {} });
	};

	return {
		[=](go_atom) { ask(); },
		[=](const letter &m) {
			self->send(actor_cast<actor>(self->current_sender()),
			    answer_atom::value, m);
		},
		[=](answer_atom, const letter &) {
			if (--*left == 0)
				self->send(watcher, end_atom::value);
			else
				ask();
		},
	};
}

static void await(scoped_actor &me, size_t ends)
{
	for (size_t i = 0; i < ends; i++)
		me->receive([](end_atom) {});
}

static uint64_t run_fan_in(actor_system &sys, scoped_actor &me, size_t senders)
{
	uint64_t each = wanted / senders;
	actor to = sys.spawn(sink, each * senders);

	for (size_t i = 0; i < senders; i++)
		all.push_back(sys.spawn(sender, to, each));
	for (auto &one : all)
		me->send(one, go_atom::value);
	await(me, 1);
	return each * senders;
}

static uint64_t run(actor_system &sys, scoped_actor &me, const std::string &row)
{
	if (row == "ping-pong") {
		me->send(sys.spawn(ping, sys.spawn(pong), wanted / 2), go_atom::value);
		await(me, 1);
		return wanted / 2;
	}
	if (row == "counting")
		return run_fan_in(sys, me, 1);
	if (row == "fan-in")
		return run_fan_in(sys, me, fan);
	if (row == "thread-ring") {
		for (size_t i = 0; i < ring_actors; i++)
			all.push_back(sys.spawn(ring, (i + 1) % ring_actors));
		me->send(all[0], letter{ wanted - 1, {} });
		await(me, 1);
		return wanted;
	}
	if (row == "fan-out") {
		for (size_t i = 0; i < fan; i++)
			all.push_back(sys.spawn(sink, wanted / fan));
		me->send(sys.spawn(source, wanted / fan), go_atom::value);
		await(me, fan);
		return wanted / fan * fan;
	}
	if (row == "big") {
		uint64_t each = wanted / 2 / big_actors;

		for (size_t i = 0; i < big_actors; i++)
			all.push_back(sys.spawn(big, each, i + 1));
		for (auto &one : all)
			me->send(one, go_atom::value);
		await(me, big_actors);
		return each * big_actors * 2;
	}
	std::fputs("usage: savina ROW THREADS MESSAGES\n", stderr);
	std::exit(2);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	actor_system_config config;
	config.set("scheduler.max-threads", std::stoul(argv[2]));
	wanted = std::stoull(argv[3]);
	actor_system sys{ config };
	scoped_actor me{ sys };
	watcher = actor_cast<actor>(me);
	auto start = clock_type::now();
	uint64_t messages = run(sys, me, argv[1]);
	std::chrono::duration<double> took = clock_type::now() - start;
	std::printf("%llu %.9f\n", (unsigned long long)messages, took.count());
	std::fflush(stdout);
	_Exit(0); // the actors hold each other; their clean-up is not measured
}
