package dsl

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/stretchr/testify/require"
)

// patience bounds the waits of these tests; none of them normally takes long.
const patience = 20 * time.Second

// folder writes files below a new folder and returns it.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, dir, name, text)
	}
	return dir
}

// write puts a file into the folder as editors do: whole, and at once.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file+".new", []byte(text), 0o644))
	require.NoError(t, os.Rename(file+".new", file))
}

func open(t *testing.T, dir string) *Registry {
	t.Helper()
	r, ds := Open(dir, Options{Dir: "mappings"})
	require.NotNil(t, r, "%v", ds)
	return r
}

// watching is a Watch whose ticks the test gives.
type watching struct {
	rescan, settled chan time.Time
	armed           chan struct{} // something changed, and the loop waits for rest
	events          chan fsnotify.Event
	errors          chan error
	reports         chan Reload
	watched         chan struct{}
}

// watch starts a watch and returns once it waits for news.
func watch(t *testing.T, r *Registry) *watching {
	t.Helper()
	w := startWatch(t, r)
	synctest.Wait()
	return w
}

func startWatch(t *testing.T, r *Registry) *watching {
	t.Helper()
	w := &watching{
		rescan: make(chan time.Time), settled: make(chan time.Time), armed: make(chan struct{}), events: make(chan fsnotify.Event),
		errors: make(chan error), reports: make(chan Reload, 10), watched: make(chan struct{}, 10),
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		after := func(d time.Duration) <-chan time.Time {
			require.Equal(t, settleTime, d)
			w.armed <- struct{}{}
			return w.settled
		}
		n := news{events: w.events, errors: w.errors, watch: func() { w.watched <- struct{}{} }}
		r.loop(ctx, ticks{rescan: w.rescan, after: after}, n, func(rl Reload) { w.reports <- rl })
	})
	t.Cleanup(func() { stop(); wg.Wait() })
	return w
}

// change tells the loop of a change, and that the files rest since.
func (w *watching) change(at time.Time) {
	w.events <- fsnotify.Event{}
	<-w.armed
	w.settled <- at
	<-w.watched
}

func TestRegistryReloadsWhenFilesSettle(t *testing.T) {
	synctest.Test(t, reloadsWhenFilesSettle)
}

func reloadsWhenFilesSettle(t *testing.T) {
	dir := folder(t, inFields("  email: record.email\n").Files)
	r := open(t, dir)
	before := r.Current()
	w := watch(t, r)
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

	write(t, dir, sampleMapping, sampleHead+sampleMatch+"fields:\n  email: lower(record.email)\n")
	w.change(at)
	got := <-w.reports
	require.Equal(t, at, got.At)
	require.True(t, got.Changed)
	require.Empty(t, got.Diagnostics)
	require.NotSame(t, before, got.Set)
	require.Same(t, got.Set, r.Current())

	w.errors <- fsnotify.ErrEventOverflow // lost events mean that something changed
	<-w.armed
	w.settled <- at
	<-w.watched
	synctest.Wait()
	require.Empty(t, w.reports, "nothing changed")
}

func TestRegistryRefusesABrokenSet(t *testing.T) {
	synctest.Test(t, refusesABrokenSet)
}

func refusesABrokenSet(t *testing.T) {
	dir := folder(t, inFields("  email: record.email\n").Files)
	r := open(t, dir)
	before := r.Current()
	w := watch(t, r)

	write(t, dir, sampleMapping, sampleHead+sampleMatch+"fields:\n  email: record.emial\n")
	w.change(time.Time{})
	got := <-w.reports
	require.False(t, got.Changed)
	require.Same(t, before, got.Set)
	require.Same(t, before, r.Current())
	require.Equal(t, []string{"CM201"}, codes(got.Diagnostics))

	write(t, dir, sampleMapping, sampleHead+sampleMatch+"fields:\n  email: record.email\n")
	w.change(time.Time{})
	got = <-w.reports
	require.False(t, got.Changed, "it is again what it was")
	require.False(t, got.Diagnostics.HasErrors())
	require.Same(t, before, r.Current())
}

func TestRegistryFindsWhatNobodyTold(t *testing.T) {
	synctest.Test(t, findsWhatNobodyTold)
}

func findsWhatNobodyTold(t *testing.T) {
	files := inFields("  email: record.email\n").Files
	dir := folder(t, nil)
	for name, text := range files { // as Kubernetes mounts a ConfigMap
		write(t, dir, "..1/"+name, text)
		write(t, dir, "..2/"+name, text)
	}
	write(t, dir, "..2/"+sampleMapping, sampleHead+sampleMatch+"fields:\n  email: lower(record.email)\n")
	require.NoError(t, os.Symlink("..1", filepath.Join(dir, "..data")))
	require.NoError(t, os.Symlink("..data/acme", filepath.Join(dir, "acme")))
	r := open(t, dir)
	w := watch(t, r)

	w.rescan <- time.Time{}
	synctest.Wait()
	require.Empty(t, w.reports, "nothing changed")

	require.NoError(t, os.Symlink("..2", filepath.Join(dir, "..new")))
	require.NoError(t, os.Rename(filepath.Join(dir, "..new"), filepath.Join(dir, "..data")))
	w.rescan <- time.Time{}
	require.True(t, (<-w.reports).Changed)
}

func TestRegistryWatchesRealFiles(t *testing.T) {
	dir := folder(t, inFields("  email: record.email\n").Files)
	r := open(t, dir)
	ctx, stop := context.WithCancel(context.Background())
	reports := make(chan Reload, 10)
	var wg sync.WaitGroup
	wg.Go(func() { require.NoError(t, r.Watch(ctx, func(rl Reload) { reports <- rl })) })
	t.Cleanup(func() { stop(); wg.Wait() })

	write(t, dir, "birch/org.yaml", sampleConnection) // a new folder
	write(t, dir, sampleGlobal, sampleFallback)
	select {
	case got := <-reports:
		require.True(t, got.Changed, "%v", got.Diagnostics)
	case <-time.After(patience):
		t.Fatal("the change was not noticed")
	}
}

func TestRegistryFindsWhatChangedBeforeItWatched(t *testing.T) {
	synctest.Test(t, findsWhatChangedBeforeItWatched)
}

func findsWhatChangedBeforeItWatched(t *testing.T) {
	dir := folder(t, inFields("  email: record.email\n").Files)
	r := open(t, dir)
	write(t, dir, sampleMapping, sampleHead+sampleMatch+"fields:\n  email: lower(record.email)\n")
	w := startWatch(t, r)
	<-w.armed
	w.settled <- time.Time{}
	require.True(t, (<-w.reports).Changed)
}

func TestRegistryOpenAndHold(t *testing.T) {
	r, ds := Open(folder(t, inFields("  email: record.emial\n").Files), Options{Dir: "mappings"})
	require.Nil(t, r)
	require.Equal(t, []string{"CM201"}, codes(ds))

	r, ds = Open(filepath.Join(t.TempDir(), "nothing"), Options{})
	require.Nil(t, r)
	require.Contains(t, ds[0].Message, "read folder: no such file or directory")

	set := &Set{}
	held := Hold(set)
	require.Same(t, set, held.Current())
	ctx, stop := context.WithCancel(context.Background())
	stop()
	require.NoError(t, held.Watch(ctx, nil))

	dir := folder(t, inFields("  email: record.email\n").Files)
	gone := open(t, dir)
	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, gone.Watch(context.Background(), nil), os.ErrNotExist)
}

func TestSchemasBeside(t *testing.T) {
	dir := folder(t, map[string]string{"mappings/x": "", "schemas/orgs/acme/hubspot/contacts.json": `{"object": "contacts", "fields": {"mood": {"type": "string"}}}`})
	for name, text := range inFields("  email: record.email\n  mood: record.source\n").Files {
		write(t, dir, "mappings/"+name, text)
	}
	_, ds := Open(filepath.Join(dir, "mappings"), Options{Dir: "mappings"})
	require.Empty(t, ds, "the org's own field is known")
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(filepath.Join(dir, "mappings"), link))
	_, ds = Open(link, Options{Dir: "mappings"})
	require.Empty(t, ds, "it is known behind a link too")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "schemas")))
	_, ds = Open(filepath.Join(dir, "mappings"), Options{Dir: "mappings"})
	require.Equal(t, []string{"CM301"}, codes(ds))
}

func TestReadersSeeWholeSetsWhileItReloads(t *testing.T) {
	synctest.Test(t, readersSeeWholeSets)
}

func readersSeeWholeSets(t *testing.T) {
	dir := folder(t, inFields("  email: record.email\n").Files)
	r := open(t, dir)
	w := watch(t, r)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			var renderer Renderer
			for {
				select {
				case <-stop:
					return
				default:
				}
				set := r.Current()
				p := set.Program(set.Connections("acme")[0], "contact")
				_, ok, err := renderer.Render(p, event(0, `{"email":"a"}`), nil)
				require.NoError(t, err)
				require.True(t, ok)
			}
		})
	}
	for i := range 5 {
		expr := []string{"lower(record.email)", "upper(record.email)"}[i%2]
		write(t, dir, sampleMapping, sampleHead+sampleMatch+"fields:\n  email: "+expr+"\n")
		w.change(time.Time{})
		require.True(t, (<-w.reports).Changed)
	}
	close(stop)
	wg.Wait()
}
