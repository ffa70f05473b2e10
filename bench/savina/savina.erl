%% Savina's message benchmarks in Erlang/OTP; see ../savina.c for the rows.
%%   erl -noshell -run savina main ROW MESSAGES
%% A message is {msg, Number, Load}, Load a binary of 56 bytes.
-module(savina).
-export([main/1]).

-define(RING, 100).
-define(FAN, 16).
-define(BIG, 50).

main([Row, Text]) ->
    Wanted = list_to_integer(Text),
    Load = binary:copy(<<0>>, 56),
    {Messages, Start} = run(Row, Wanted, Load),
    End = erlang:monotonic_time(nanosecond),
    io:format("~b ~.9f~n", [Messages, (End - Start) / 1.0e9]),
    halt(0).

now_ns() -> erlang:monotonic_time(nanosecond).

await(0) -> ok;
await(N) -> receive done -> await(N - 1) end.

%% A process of a row, on the heap that Erlang gives by default.
run("ping-pong", Wanted, Load) ->
    Me = self(),
    Trips = Wanted div 2,
    Pong = spawn_link(fun pong/0),
    Ping = spawn_link(fun() -> receive go -> ok end,
                               ping(Pong, Trips, Load), Me ! done end),
    Start = now_ns(),
    Ping ! go,
    await(1),
    {Trips, Start};
run("counting", Wanted, Load) ->
    fan_in(1, Wanted, Load);
run("fan-in", Wanted, Load) ->
    fan_in(?FAN, Wanted, Load);
run("thread-ring", Wanted, Load) ->
    Me = self(),
    First = spawn_link(fun() -> receive {next, P} -> ring(P, Me) end end),
    Next = lists:foldl(fun(_, P) -> spawn_link(fun() -> ring(P, Me) end) end,
                       First, lists:seq(2, ?RING)),
    First ! {next, Next},
    Start = now_ns(),
    First ! {msg, Wanted - 1, Load},
    await(1),
    {Wanted, Start};
run("fan-out", Wanted, Load) ->
    Me = self(),
    Each = Wanted div ?FAN,
    Leaves = [spawn_link(fun() -> sink(Each), Me ! done end)
              || _ <- lists:seq(1, ?FAN)],
    Source = spawn_link(fun() -> receive go -> source(Leaves, Each, Load) end
                        end),
    Start = now_ns(),
    Source ! go,
    await(?FAN),
    {Each * ?FAN, Start};
run("big", Wanted, Load) ->
    Me = self(),
    Each = Wanted div 2 div ?BIG,
    All = [spawn_link(fun() -> big_start(Me, I) end)
           || I <- lists:seq(1, ?BIG)],
    Table = list_to_tuple(All),
    [P ! {all, Table} || P <- All],
    Start = now_ns(),
    [P ! {go, Each, Load} || P <- All],
    await(?BIG),
    End = {Each * ?BIG * 2, Start},
    [exit(P, normal) || P <- All],
    End.

fan_in(Senders, Wanted, Load) ->
    Me = self(),
    Each = Wanted div Senders,
    Sink = spawn_link(fun() -> sink(Each * Senders), Me ! done end),
    All = [spawn_link(fun() -> receive go -> send(Sink, Each, Load) end end)
           || _ <- lists:seq(1, Senders)],
    Start = now_ns(),
    [P ! go || P <- All],
    await(1),
    {Each * Senders, Start}.

send(_, 0, _) -> ok;
send(To, N, Load) -> To ! {msg, N, Load}, send(To, N - 1, Load).

sink(0) -> ok;
sink(N) -> receive {msg, _, _} -> sink(N - 1) end.

source(_, 0, _) -> ok;
source(Leaves, N, Load) ->
    [P ! {msg, N, Load} || P <- Leaves],
    source(Leaves, N - 1, Load).

ping(_, 0, _) -> ok;
ping(Pong, N, Load) ->
    Pong ! {msg, self(), Load},
    receive {msg, _, Back} -> ping(Pong, N - 1, Back) end.

pong() ->
    receive {msg, From, Load} -> From ! {msg, self(), Load}, pong() end.

ring(Next, Me) ->
    receive
        {msg, 0, _} -> Me ! done;
        {msg, N, Load} -> Next ! {msg, N - 1, Load}, ring(Next, Me)
    end.

big_start(Me, Seed) ->
    receive {all, Table} -> ok end,
    receive {go, Each, Load} -> ok end,
    big_ask(Me, Table, Each, Load, Seed).

big_ask(Me, Table, 0, Load, _) ->
    Me ! done,
    big_answer(Me, Table, Load);
big_ask(Me, Table, N, Load, Dice) ->
    Next = (Dice * 1103515245 + 12345) band 16#7fffffff,
    element((Next bsr 8) rem ?BIG + 1, Table) ! {ask, self(), Load},
    big_wait(Me, Table, N, Load, Next).

big_wait(Me, Table, N, Load, Dice) ->
    receive
        {ask, From, Its} ->
            From ! {answer, Its},
            big_wait(Me, Table, N, Load, Dice);
        {answer, Its} ->
            big_ask(Me, Table, N - 1, Its, Dice)
    end.

big_answer(Me, Table, Load) ->
    receive
        {ask, From, Its} -> From ! {answer, Its}, big_answer(Me, Table, Load)
    end.
