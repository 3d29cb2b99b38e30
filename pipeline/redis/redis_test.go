package redis_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"crmsync"
	"crmsync/pipeline/pipelinetest"
	"crmsync/pipeline/redis"
)

const serverEnv = "CRMSYNC_TEST_REDIS_URL"

// reports collects what a store reports.
type reports struct {
	mu    sync.Mutex
	lines []string
}

func (r *reports) add(op string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, op+"|"+err.Error())
}

func (r *reports) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines
}

// open returns a store that has time enough for a slow machine and fails the test when a call goes
// without Redis. Its keys are its own.
func open(t testing.TB, url string) *redis.Store {
	var seen reports
	store, err := redis.Open(url, redis.Options{Prefix: "test-" + rand.Text(), Timeout: time.Minute, TTL: time.Minute, Report: seen.add})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, store.Close())
		for _, line := range seen.all() { // the suite cancels some calls itself
			require.Contains(t, line, "context canceled")
		}
	})
	return store
}

// mini returns a Redis in this process whose clock stands until it is moved.
func mini(t testing.TB) *miniredis.Miniredis {
	server := miniredis.RunT(t)
	server.SetTime(time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	return server
}

func TestIdempotencyStore(t *testing.T) {
	pipelinetest.IdempotencyStore(t, func(t testing.TB) crmsync.IdempotencyStore {
		return open(t, "redis://"+mini(t).Addr())
	})
}

func TestIdempotencyStoreOnServer(t *testing.T) {
	url := pipelinetest.Server(t, serverEnv)
	pipelinetest.IdempotencyStore(t, func(t testing.TB) crmsync.IdempotencyStore { return open(t, url) })
}

func TestRateChecker(t *testing.T) {
	pipelinetest.RateChecker(t, func(t testing.TB) pipelinetest.RateCheckerHarness {
		server := mini(t)
		now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
		return pipelinetest.RateCheckerHarness{
			Checker: open(t, "redis://"+server.Addr()),
			Advance: func(d time.Duration) { // TIME and expiry have a clock each
				now = now.Add(d)
				server.SetTime(now)
				server.FastForward(d)
			},
		}
	})
}

func TestRateCheckerOnServer(t *testing.T) {
	url := pipelinetest.Server(t, serverEnv)
	pipelinetest.RateChecker(t, func(t testing.TB) pipelinetest.RateCheckerHarness {
		return pipelinetest.RateCheckerHarness{Checker: open(t, url)}
	})
}

func deliveries(n int) []crmsync.Delivery {
	deliveries := make([]crmsync.Delivery, n)
	for i := range deliveries {
		key := crmsync.RecordKey{Org: fmt.Sprint("org-", i%50), Type: "contact", ID: fmt.Sprint("c-", i)}
		deliveries[i] = crmsync.Delivery{Key: key, Connection: "hubspot", Version: 1}
	}
	return deliveries
}

func requests(n int) [][]crmsync.Draw {
	requests := make([][]crmsync.Draw, n)
	for i := range requests {
		id := crmsync.ConnectionID{Org: fmt.Sprint("org-", i%50), Name: "hubspot"}
		requests[i] = []crmsync.Draw{
			{Key: crmsync.BudgetKey{Connection: id, Budget: "burst"}, Limit: 190, Window: 10 * time.Second, Cost: 1},
			{Key: crmsync.BudgetKey{Connection: id, Budget: "daily"}, Limit: 650_000, Window: 24 * time.Hour, Cost: 1},
		}
	}
	return requests
}

func TestOneRoundTripPerSlice(t *testing.T) {
	for name, url := range map[string]string{"in process": "redis://" + mini(t).Addr(), "on server": ""} {
		t.Run(name, func(t *testing.T) {
			if url == "" {
				url = pipelinetest.Server(t, serverEnv)
			}
			store, trips := redis.OpenCounting(t, url, redis.Options{Prefix: "test-" + rand.Text(), TTL: time.Minute, Timeout: time.Minute})
			readings := []crmsync.Reading{{Key: requests(1)[0][0].Key, Remaining: 3}, {Key: requests(2)[1][0].Key, Remaining: 3}}
			calls := map[string]func(){
				"seen":    func() { store.Seen(t.Context(), deliveries(1000)) },
				"mark":    func() { store.Mark(t.Context(), deliveries(1000)) },
				"check":   func() { store.Check(t.Context(), requests(200)) },
				"correct": func() { store.Correct(t.Context(), readings) },
			}
			for name, call := range calls {
				call() // connects, and makes the script known
				before := trips.Load()
				for range 5 {
					call()
				}
				require.Equal(t, int64(5), trips.Load()-before, name)
			}
		})
	}
}

func TestScriptsSurviveARestart(t *testing.T) {
	server := mini(t)
	store := open(t, "redis://"+server.Addr())
	one := [][]crmsync.Draw{
		{{Key: crmsync.BudgetKey{Budget: "a"}, Limit: 1, Window: time.Hour, Cost: 1}},
		{{Key: crmsync.BudgetKey{Budget: "b"}, Limit: 1, Window: time.Hour, Cost: 1}},
	}
	require.Equal(t, []time.Duration{0, 0}, store.Check(t.Context(), one))
	for range 3 {
		require.NoError(t, store.Client().ScriptFlush(t.Context()).Err())
		require.Equal(t, []time.Duration{time.Hour, time.Hour}, store.Check(t.Context(), one))
		require.NoError(t, store.Client().ScriptFlush(t.Context()).Err())
		store.Correct(t.Context(), []crmsync.Reading{{Key: crmsync.BudgetKey{Budget: "a"}, Remaining: 0}})
	}
}

func TestKeys(t *testing.T) {
	server := mini(t)
	store, err := redis.Open("redis://"+server.Addr(), redis.Options{Timeout: time.Minute, TTL: 3 * time.Minute})
	require.NoError(t, err)
	defer store.Close()
	store.Mark(t.Context(), []crmsync.Delivery{{Key: crmsync.RecordKey{Org: "acme", Type: "contact", ID: strings.Repeat("x", 1000)}, Connection: "hubspot", Version: 7}})
	draw := crmsync.Draw{Key: crmsync.BudgetKey{Connection: crmsync.ConnectionID{Org: "ac:me}", Name: "hubspot"}, Budget: "daily"}, Limit: 9, Window: time.Minute, Cost: 2}
	store.Check(t.Context(), [][]crmsync.Draw{{draw}})
	keys := server.Keys()
	require.Equal(t, []string{"crmsync:acme:d:FM1iMEADRbKcoMbPmwzKuQ", "crmsync:{ac%3Ame%7D/hubspot}:b:daily"}, keys)
	require.Equal(t, 3*time.Minute, server.TTL(keys[0]))
	require.Equal(t, time.Minute+time.Second, server.TTL(keys[1]))
	require.Equal(t, "7.000000000", server.HGet(keys[1], "units"))
	server.FastForward(3 * time.Minute)
	require.Empty(t, server.Keys(), "everything is forgotten in time")
}

func TestPing(t *testing.T) {
	server := mini(t)
	server.RequireUserAuth("crmsync", canary)
	address := server.Addr()
	ping := func(user *url.Userinfo, password string) error {
		u := url.URL{Scheme: "redis", User: user, Host: address}
		store, err := redis.Open(u.String(), redis.Options{Password: crmsync.NewSecret(password)})
		require.NoError(t, err)
		defer store.Close()
		require.Equal(t, "redis at "+address, store.String())
		return store.Ping(t.Context())
	}
	require.NoError(t, ping(url.UserPassword("crmsync", canary), ""))
	require.NoError(t, ping(url.User("crmsync"), canary))
	err := ping(url.UserPassword("crmsync", "not-"+canary), "")
	require.EqualError(t, err, "denied wrong_password: ping: redis at "+address+": WRONGPASS invalid username-password pair: correct user and password in redis.url")
	require.Equal(t, crmsync.Denied, crmsync.KindOf(err))
	err = ping(nil, "")
	require.EqualError(t, err, "denied wrong_password: ping: redis at "+address+": NOAUTH Authentication required.: give user and password in redis.url")
	server.Close()
	err = ping(nil, "")
	require.EqualError(t, err, "transient unreachable: ping: redis at "+address+": connection refused")
	require.Equal(t, crmsync.Transient, crmsync.KindOf(err))
}

const canary = "canary-7f3a9b"

func TestBrokenURLNeverShowsThePassword(t *testing.T) {
	for _, text := range []string{
		"http://u:" + canary + "@h", "", canary,
		"redis://u:" + canary + "@h:notaport/0",
		"redis://u:1/" + canary + "@h/0", "redis://u:1?" + canary + "@h/0", "redis://u:1#" + canary + "@h/0",
		"redis://u:" + canary + "@h/database",
		"redis://u:" + canary + "%zz@h/0",
		"redis://:" + canary + "@h/0?read_timeout=soon",
	} {
		_, err := redis.Open(text, redis.Options{})
		require.EqualErrorf(t, err, "denied bad_url: open redis: a Redis URL reads redis://USER@HOST:PORT/NUMBER, or rediss:// for TLS, with special characters in a password written as %XX", "%s", text)
	}
}
