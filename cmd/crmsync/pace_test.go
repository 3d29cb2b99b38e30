package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/kafka"
)

func TestParsePace(t *testing.T) {
	cases := map[string]struct {
		letters int
		per     time.Duration
		batch   int
	}{
		"":        {0, 0, replayBatch},
		"50":      {50, time.Second, 5},
		"50/s":    {50, time.Second, 5},
		"5000/s":  {5000, time.Second, replayBatch},
		"600/m":   {600, time.Minute, 1},
		"1/h":     {1, time.Hour, 1},
		"12000/m": {12000, time.Minute, 20},
	}
	for text, c := range cases {
		t.Run(text, func(t *testing.T) {
			p, err := parsePace(text)
			require.NoError(t, err)
			require.Equal(t, pace{letters: c.letters, per: c.per}, p)
			require.Equal(t, c.batch, p.batch())
		})
	}
	for _, text := range []string{"fast", "0/s", "-1/s", "1.5/s", "10/d", "10/", "/s", "10000000/s"} {
		t.Run(text, func(t *testing.T) {
			_, err := parsePace(text)
			require.EqualError(t, err, fmt.Sprintf("--rate %q: give a number of letters and a unit, such as 50/s, 600/m or 1000/h", text))
		})
	}
}

func TestPaceWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := parsePace("20/s")
		require.NoError(t, err)
		begin := time.Now()
		var at []time.Duration
		for range 4 {
			require.True(t, p.wait(t.Context(), nil, p.batch()))
			at = append(at, time.Since(begin))
		}
		require.Equal(t, []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}, at)
		stop := make(chan struct{})
		close(stop)
		require.False(t, p.wait(t.Context(), stop, 1), "a signal ends the wait")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.False(t, p.wait(ctx, nil, 1))
	})
}

// postbox takes letters in, until it has enough.
type postbox struct {
	sizes []int
	fails func(letters []kafka.Letter) error
}

func (b *postbox) Resend(_ context.Context, letters []kafka.Letter) error {
	if b.fails != nil {
		if err := b.fails(letters); err != nil {
			return err
		}
	}
	b.sizes = append(b.sizes, len(letters))
	return nil
}

// resend lets a replay take n letters, and returns it.
func resend(t *testing.T, n int, rate string, box *postbox, stop chan struct{}) (*replay, error) {
	t.Helper()
	pace, err := parsePace(rate)
	require.NoError(t, err)
	r := &replay{p: &program{out: io.Discard, err: io.Discard}, pace: pace, to: box, from: &morgue{cfg: kafka.Config{Topic: "events"}}, progress: &line{}}
	r.begin()
	for i := range n {
		l := kafka.Letter{Entry: kafka.Entry{Offset: int64(i)}}
		l.Message.Topic, l.Fault = "events", &crmsync.Fault{Code: "x"}
		l.Key, l.Version = crmsync.RecordKey{Org: "acme", Type: "contact", ID: fmt.Sprint(i)}, 1
		if err := r.take(t.Context(), stop, &l); err != nil || r.result.Stopped {
			return r, err
		}
	}
	return r, r.send(t.Context(), stop)
}

func TestReplaySends(t *testing.T) {
	t.Run("in batches", func(t *testing.T) {
		box := &postbox{}
		r, err := resend(t, 250, "", box, nil)
		require.NoError(t, err)
		require.Equal(t, []int{100, 100, 50}, box.sizes)
		require.Equal(t, 250, r.result.Sent)
	})
	t.Run("until a signal", func(t *testing.T) {
		stop := make(chan struct{})
		box := &postbox{fails: func([]kafka.Letter) error {
			close(stop)
			return nil
		}}
		r, err := resend(t, 250, "", box, stop)
		require.NoError(t, err)
		require.Equal(t, 100, r.result.Sent)
		require.True(t, r.result.Stopped)
	})
	t.Run("around one that is too large", func(t *testing.T) {
		box := &postbox{fails: func(letters []kafka.Letter) error {
			for _, l := range letters {
				if l.Entry.Offset == 3 {
					return &crmsync.Fault{Kind: crmsync.Rejected, Code: "kafka_message_too_large"}
				}
			}
			return nil
		}}
		r, err := resend(t, 5, "", box, nil)
		require.NoError(t, err)
		require.Equal(t, []int{1, 1, 1, 1}, box.sizes)
		require.Equal(t, []replayFailed{{"0/3", "rejected kafka_message_too_large"}}, r.result.Failed)
	})
	t.Run("not without a broker", func(t *testing.T) {
		down := errors.New("no broker")
		r, err := resend(t, 150, "", &postbox{fails: func([]kafka.Letter) error { return down }}, nil)
		require.ErrorIs(t, err, down)
		require.Zero(t, r.result.Sent)
	})
}
