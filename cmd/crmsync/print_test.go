package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out}
	table := p.table("A", "NAME")
	table.row("1", "Zoë Ünal")
	table.row("longer", "")
	table.row("\x1b[31m", "two\nlines\tand a tab")
	require.NoError(t, table.flush())
	require.Equal(t, "A           NAME\n1           Zoë Ünal\nlonger\n\\u001b[31m  two\\u000alines\\u0009and a tab\n", out.String())
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "naïve 日本 🙂": "naïve 日本 🙂", "a\x07b": `a\u0007b`, "\u202egnp": `\u202egnp`, "\u009b1m": `\u009b1m`, "bad \xff": "bad \ufffd",
	} {
		require.Equal(t, want, printable(text))
	}
}

func TestMoment(t *testing.T) {
	require.Empty(t, moment(time.Time{}))
	require.Equal(t, "2026-11-22 09:00:00Z", moment(time.Date(2026, 11, 22, 10, 0, 0, 5, time.FixedZone("", 3600))))
}
