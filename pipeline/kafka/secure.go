package kafka

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"

	"crmsync"
	"crmsync/pipeline/secure"
)

// TLS says how to encrypt the connections.
type TLS struct {
	Enabled bool
	CAFile  string // PEM; empty: the system's
	// CertFile and KeyFile are PEM, for brokers that ask clients for a
	// certificate; both or none.
	CertFile, KeyFile string
	ServerName        string // expected in the brokers' certificates; empty: the address's host
}

func (t TLS) validate() error {
	if !t.Enabled && t != (TLS{}) {
		return errors.New("kafka tls: files or a server name are given, but tls is not enabled")
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return errors.New("kafka tls: give both cert_file and key_file, or none")
	}
	return nil
}

func (t TLS) apply(s *sarama.Config) error {
	if !t.Enabled {
		return nil
	}
	c, err := secure.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName}.Config("kafka")
	if err != nil {
		return err
	}
	s.Net.TLS.Enable, s.Net.TLS.Config = true, c
	return nil
}

// The mechanisms of SASL that are spoken.
const (
	Plain       = sarama.SASLTypePlaintext
	ScramSHA256 = sarama.SASLTypeSCRAMSHA256
	ScramSHA512 = sarama.SASLTypeSCRAMSHA512
)

// SASL says how to log in. The zero value is no login.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	User      string
	Password  crmsync.Secret
	Insecure  bool // allows a login without TLS, for a broker on the same machine
}

func (s SASL) validate(tls bool) error {
	switch s.Mechanism {
	case "":
		if s.User != "" || !s.Password.IsZero() {
			return fmt.Errorf("kafka sasl: a user or password is given; choose a mechanism: %s, %s or %s", Plain, ScramSHA256, ScramSHA512)
		}
		return nil
	case Plain, ScramSHA256, ScramSHA512:
	default:
		return fmt.Errorf("kafka sasl mechanism %q: choose %s, %s or %s", s.Mechanism, Plain, ScramSHA256, ScramSHA512)
	}
	if s.User == "" || s.Password.IsZero() {
		return errors.New("kafka sasl: give user and password")
	}
	if !tls && !s.Insecure {
		return errors.New("kafka sasl without tls lets others on the network read along: enable tls, or set insecure: true for a broker on this machine")
	}
	return nil
}

func (s SASL) apply(c *sarama.Config) {
	if s.Mechanism == "" {
		return
	}
	c.Net.SASL.Enable = true
	c.Net.SASL.Mechanism = sarama.SASLMechanism(s.Mechanism)
	c.Net.SASL.User, c.Net.SASL.Password = s.User, s.Password.Reveal()
	switch s.Mechanism {
	case ScramSHA256:
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: sha256.New} }
	case ScramSHA512:
		c.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{hash: sha512.New} }
	}
}

// scramClient is one login by SCRAM.
type scramClient struct {
	hash         scram.HashGeneratorFcn
	conversation *scram.ClientConversation
}

func (c *scramClient) Begin(user, password, authz string) error {
	client, err := c.hash.NewClient(user, password, authz)
	if err != nil {
		return fmt.Errorf("begin the login at kafka: %w", err)
	}
	c.conversation = client.NewConversation()
	return nil
}

func (c *scramClient) Step(challenge string) (string, error) { return c.conversation.Step(challenge) }

func (c *scramClient) Done() bool { return c.conversation.Done() }
