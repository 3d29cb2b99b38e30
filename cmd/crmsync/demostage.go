package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"crmsync"
	"crmsync/cmd/crmsync/demo"
	"crmsync/pipeline/kafka/embedded"
	"crmsync/pipeline/sealed"
	"crmsync/providers/emulator"
	"crmsync/providers/emulator/hubspot"
)

// stage is all that a demo runs on beside crmsync itself.
type stage struct {
	dir      string
	orgs     []demo.Org
	setting  demo.Setting
	mood     mood
	broker   *embedded.Broker
	crm      *hubspot.Server
	recorder *recorder
	config   config
	log      *slog.Logger
	closers  []func() error // in order of opening
}

// The demo's times: shorter than in production, so that it ends soon. The
// emulator is done with a request, or has dropped it, within demoInflight.
const (
	demoSendTimeout = 2 * time.Second
	demoInflight    = 2 * time.Second
	demoLinger      = 500 * time.Millisecond  // two requests a second and kind of request: an account allows 19 a second
	demoSlow        = 2500 * time.Millisecond // longer than a request may take, shorter than both together
	demoPartitions  = 4
	// demoLog is how many lines of history the CRM keeps; they are read as they come.
	demoLog = 12_000
	// demoGCPercent trades time for memory: a broker, a CRM and crmsync share it.
	demoGCPercent = 25
	// demoMessageBytes makes room for an event that is too large to be taken.
	demoMessageBytes = 2 << 20
)

// openStage sets up a demo in a folder of its own.
func openStage(ctx context.Context, setting demo.Setting, m mood, keep bool) (_ *stage, err error) {
	s := &stage{setting: setting, mood: m, orgs: demo.Orgs(setting.Orgs), config: defaultConfig()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "crmsync-demo-"); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	if !keep {
		s.later(func() error { return os.RemoveAll(s.dir) })
	}
	percent := debug.SetGCPercent(demoGCPercent)
	s.later(func() error {
		debug.SetGCPercent(percent)
		return nil
	})
	for _, open := range []func(context.Context) error{s.openLog, s.openMappings, s.openBroker, s.openCRM, s.openCredentials} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	c := &s.config
	c.State.URL.Secret = crmsync.NewSecret("sqlite:" + s.path("links.db"))
	c.Engine.SendTimeout, c.Engine.Linger = demoSendTimeout, cmp.Or(m.linger, demoLinger)
	c.Engine.Lease, c.Engine.ParkAfter = cmp.Or(m.lease, c.Engine.Lease), cmp.Or(m.park, c.Engine.ParkAfter)
	c.Engine.Attempts = cmp.Or(m.attempts, c.Engine.Attempts)
	return s, nil
}

func (s *stage) later(f func() error) { s.closers = append(s.closers, f) }

// close takes down what was set up, the newest first.
func (s *stage) close() error {
	var errs []error
	for _, f := range slices.Backward(s.closers) {
		errs = append(errs, f())
	}
	s.closers = nil
	return errors.Join(errs...)
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// openLog sends the log to a file: what goes wrong here goes wrong on purpose.
func (s *stage) openLog(context.Context) error {
	file, err := os.OpenFile(s.path("crmsync.log"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	s.later(file.Close)
	s.log = slog.New(slog.NewJSONHandler(file, nil))
	return nil
}

func (s *stage) openMappings(context.Context) error {
	s.config.Mappings.Dir = s.path("mappings")
	return demo.WriteMappings(s.config.Mappings.Dir, s.orgs)
}

func (s *stage) openBroker(context.Context) error {
	topic := embedded.Topic{Name: s.config.Kafka.Topic, Partitions: demoPartitions, MaxMessageBytes: demoMessageBytes}
	broker, err := embedded.Start(embedded.Config{DataDir: s.path("kafka"), Topics: []embedded.Topic{topic}})
	if err != nil {
		return err
	}
	s.later(broker.Close)
	s.broker, s.config.Kafka.Brokers = broker, broker.Brokers()
	return nil
}

// openCRM starts the emulator, with an account per connection.
func (s *stage) openCRM(context.Context) (err error) {
	s.crm, err = hubspot.New(hubspot.Config{Seed: s.setting.Seed, Faults: s.mood.rates, SlowFor: demoSlow, LogLimit: demoLog})
	if err != nil {
		return err
	}
	for _, o := range s.orgs {
		for _, a := range o.Accounts {
			if err := s.openAccount(a); err != nil {
				return err
			}
		}
	}
	s.recorder = &recorder{next: s.crm, token: s.orgs[0].Accounts[0].Token, path: "/crm/v3/objects/contacts/batch/upsert"}
	front, err := emulator.Listen("127.0.0.1:0", s.recorder)
	if err != nil {
		return err
	}
	s.later(front.Close)
	s.config.Providers = map[string]providerConfig{"hubspot": {BaseURL: front.URL(), MaxInflight: demoInflight}}
	return nil
}

// openAccount makes an account, and the properties that the demo's mappings
// write beside HubSpot's own.
func (s *stage) openAccount(a demo.Account) error {
	err := s.crm.AddPortal(hubspot.Portal{
		ID: a.Portal, Token: a.Token, Plan: hubspot.Enterprise, UniqueProperty: "crmsync_id", Limits: hubspot.Limits{TenSecondly: a.TenSecondly},
	})
	if err != nil {
		return err
	}
	for _, property := range [...]struct{ object, name, kind, field, group string }{
		{"contacts", "crmsync_version", "number", "number", "contactinformation"},
		{"companies", "crmsync_updated_at", "datetime", "date", "companyinformation"},
		{"deals", "crmsync_updated_at", "datetime", "date", "dealinformation"},
	} {
		if err := s.crm.CreateProperty(a.Portal, property.object, hubspot.Property{
			Name: property.name, Label: property.name, Type: property.kind, FieldType: property.field, GroupName: property.group,
		}); err != nil {
			return err
		}
	}
	return nil
}

// openCredentials seals the accounts' tokens, with a key made for the demo.
func (s *stage) openCredentials(ctx context.Context) error {
	c := &s.config.Credentials
	c.URL, c.KeyFile = "file:"+s.path("credentials.json"), s.path("credentials.key")
	if _, err := sealed.AddKey(c.KeyFile); err != nil {
		return err
	}
	store, err := openCredentials(&s.config, nil)
	if err != nil {
		return err
	}
	var all []crmsync.Credential
	for _, o := range s.orgs {
		for _, a := range o.Accounts {
			id := crmsync.CredentialID{Org: o.Name, Name: a.Credential}
			all = append(all, crmsync.Credential{ID: id, Secret: crmsync.NewSecret(a.Token)})
		}
	}
	return store.Put(ctx, all)
}
