// Savina's message benchmarks in Go; see ../savina.c for the rows.
//
//	GOMAXPROCS=N savina ROW MESSAGES
//
// An actor is a goroutine with a channel of 1024 messages; a message is a
// number, who sent it, and 56 bytes of load, by value.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

const (
	box  = 1024
	ring = 100
	fan  = 16
	big  = 50
)

type message struct {
	number uint64
	load   [56]byte
}

type inbox chan message

func inboxes(n int) []inbox {
	all := make([]inbox, n)
	for i := range all {
		all[i] = make(inbox, box)
	}
	return all
}

func pingPong(wanted uint64, done chan bool) uint64 {
	both := inboxes(2)
	trips := wanted / 2
	go func() {
		for m := range both[1] {
			both[0] <- m
		}
	}()
	go func() {
		for i := trips; i > 0; i-- {
			both[1] <- message{number: i}
			<-both[0]
		}
		done <- true
	}()
	<-done
	return trips
}

func sink(in inbox, n uint64, done chan bool) {
	for ; n > 0; n-- {
		<-in
	}
	done <- true
}

func fanIn(senders, wanted uint64, done chan bool) uint64 {
	in := make(inbox, box)
	each := wanted / senders
	go sink(in, each*senders, done)
	for s := uint64(0); s < senders; s++ {
		go func() {
			for i := each; i > 0; i-- {
				in <- message{number: i}
			}
		}()
	}
	<-done
	return each * senders
}

func fanOut(wanted uint64, done chan bool) uint64 {
	all := inboxes(fan)
	each := wanted / fan
	for _, in := range all {
		go sink(in, each, done)
	}
	go func() {
		for i := each; i > 0; i-- {
			for _, in := range all {
				in <- message{number: i}
			}
		}
	}()
	for range all {
		<-done
	}
	return each * fan
}

func threadRing(wanted uint64, done chan bool) uint64 {
	all := inboxes(ring)
	for i := range all {
		go func(in, next inbox) {
			for m := range in {
				if m.number == 0 {
					done <- true
					return
				}
				m.number--
				next <- m
			}
		}(all[i], all[(i+1)%ring])
	}
	all[0] <- message{number: wanted - 1}
	<-done
	return wanted
}

type question struct {
	from int
	message
}

// bigOne asks random others, one at a time, and answers whoever asks.
func bigOne(me int, asks []chan question, answers []inbox, each uint64, done chan bool) {
	dice := uint64(me + 1)
	ask := func() {
		dice = dice*6364136223846793005 + 1442695040888963407
		asks[(dice>>33)%big] <- question{from: me}
	}
	ask()
	for left := each; ; {
		select {
		case q := <-asks[me]:
			answers[q.from] <- q.message
		case <-answers[me]:
			if left--; left == 0 {
				done <- true
			} else {
				ask()
			}
		}
	}
}

func bigAll(wanted uint64, done chan bool) uint64 {
	asks := make([]chan question, big)
	for i := range asks {
		asks[i] = make(chan question, box)
	}
	answers := inboxes(big)
	each := wanted / 2 / big
	for i := 0; i < big; i++ {
		go bigOne(i, asks, answers, each, done)
	}
	for i := 0; i < big; i++ {
		<-done
	}
	return each * big * 2
}

func run(row string, wanted uint64) uint64 {
	done := make(chan bool, big)
	switch row {
	case "ping-pong":
		return pingPong(wanted, done)
	case "counting":
		return fanIn(1, wanted, done)
	case "thread-ring":
		return threadRing(wanted, done)
	case "fan-in":
		return fanIn(fan, wanted, done)
	case "fan-out":
		return fanOut(wanted, done)
	case "big":
		return bigAll(wanted, done)
	}
	fmt.Fprintln(os.Stderr, "usage: savina ROW MESSAGES")
	os.Exit(2)
	return 0
}

func main() {
	wanted, err := strconv.ParseUint(os.Args[2], 10, 64)
	if err != nil {
		panic(err)
	}
	start := time.Now()
	messages := run(os.Args[1], wanted)
	fmt.Printf("%d %.9f\n", messages, time.Since(start).Seconds())
}
