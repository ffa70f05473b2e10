%% Erlang distribution between two nodes on loopback, without epmd: the
%% receiver listens on a port, the sender only dials.
%%   receiver: -run wires receive it       sender: -run wires send KIND MESSAGES NODE
-module(wires).
-export(['receive'/1, send/1]).

'receive'([_]) ->
    register(bench, self()),
    io:format("ready~n"),
    echo().

echo() ->
    receive
        {trip, From, Load} -> From ! Load, echo();
        {last, From} -> From ! done, echo();
        _ -> echo()
    end.

send([Kind, Text, Node]) ->
    To = {bench, list_to_atom(Node)},
    Wanted = list_to_integer(Text),
    Load = binary:copy(<<0>>, 64),
    trips(To, 10, Load),
    Start = erlang:monotonic_time(nanosecond),
    case Kind of
        "trip" -> trips(To, Wanted, Load);
        "count" -> count(To, Wanted, Load),
                   To ! {last, self()},
                   receive done -> ok end
    end,
    End = erlang:monotonic_time(nanosecond),
    io:format("~b ~.9f~n", [Wanted, (End - Start) / 1.0e9]),
    halt(0).

trips(_, 0, _) -> ok;
trips(To, N, Load) ->
    To ! {trip, self(), Load},
    receive Back when is_binary(Back) -> trips(To, N - 1, Back) end.

count(_, 0, _) -> ok;
count(To, N, Load) -> To ! Load, count(To, N - 1, Load).
