package crmsync_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"crmsync"
)

func TestFaultError(t *testing.T) {
	tests := []struct {
		name  string
		fault crmsync.Fault
		want  string
	}{
		{"kind alone", crmsync.Fault{Kind: crmsync.Transient}, "transient"},
		{"with a code", crmsync.Fault{Kind: crmsync.Rejected, Code: "invalid_json"}, "rejected invalid_json"},
		{"with a place", crmsync.Fault{Kind: crmsync.Rejected, Code: "cel_error", Where: "a.yaml:3:7"}, "a.yaml:3:7: rejected cel_error"},
		{"with a cause", crmsync.Fault{Kind: crmsync.Denied, Code: "c", Err: io.EOF}, "denied c: EOF"},
		{"the message may hold personal data", crmsync.Fault{Kind: crmsync.Rejected, Code: "c", Message: "ada@example.com is taken", Field: "email", ExistingID: "7"}, "rejected c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.EqualError(t, &test.fault, test.want) })
	}
}

func TestKindOf(t *testing.T) {
	denied := &crmsync.Fault{Kind: crmsync.Denied, Err: io.EOF}
	tests := []struct {
		name string
		err  error
		want crmsync.Kind
	}{
		{"no error", nil, crmsync.Internal},
		{"another error", io.EOF, crmsync.Internal},
		{"a fault", denied, crmsync.Denied},
		{"wrapped", fmt.Errorf("read links: %w", denied), crmsync.Denied},
		{"joined", errors.Join(io.EOF, denied), crmsync.Denied},
		{"the first of two", errors.Join(&crmsync.Fault{Kind: crmsync.Quota}, denied), crmsync.Quota},
		{"a fault in a fault", &crmsync.Fault{Kind: crmsync.Transient, Err: denied}, crmsync.Transient},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { require.Equal(t, test.want, crmsync.KindOf(test.err)) })
	}
	require.ErrorIs(t, denied, io.EOF)
}
