package hubspot

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"crmsync/providers/emulator"
)

// nodeClient is HubSpot's own client. The version is fixed, so that a new one
// cannot break the build by itself.
const nodeClient = "@hubspot/api-client@13.5.0"

// TestOfficialClient lets HubSpot's own Node client speak to the emulator. It
// is the outside check that the emulator answers like HubSpot.
func TestOfficialClient(t *testing.T) {
	if os.Getenv("CRMSYNC_TEST_NODE") != "1" {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has to run HubSpot's own client against the emulator: set CRMSYNC_TEST_NODE=1 where node and npm are installed")
		}
		t.Skip("set CRMSYNC_TEST_NODE=1 to run HubSpot's own client against the emulator; it needs node, npm and the npm registry")
	}
	modules := installNodeClient(t)
	s, err := New(Config{Seed: 1})
	require.NoError(t, err)
	require.NoError(t, s.AddPortal(Portal{ID: 7, Token: "pat-7", UniqueProperty: "crmsync_id"}))
	running, err := emulator.Listen("127.0.0.1:0", s)
	require.NoError(t, err)
	defer func() { require.NoError(t, running.Close()) }()

	script, err := filepath.Abs(filepath.Join("testdata", "client.cjs"))
	require.NoError(t, err)
	out := runNode(t, modules, "node", script, running.URL(), "pat-7")
	require.JSONEq(t, `{"passed":["single","batches","others","definitions","patience","strangers"]}`, out)
}

// installNodeClient installs the client in the user's cache and returns the
// folder of its modules. A second run finds it there.
func installNodeClient(t *testing.T) string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	dir := filepath.Join(cache, "crmsync", "node", "hubspot-api-client-13.5.0")
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "@hubspot", "api-client", "package.json")); err == nil {
		return modules
	}
	require.NoError(t, os.MkdirAll(dir, 0o755))
	install := []string{"npm", "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", dir, nodeClient}
	for range 2 { // the network may fail once or twice; the third time it must not
		if run(t, modules, install...) == nil {
			return modules
		}
	}
	runNode(t, modules, install...)
	return modules
}

// run runs a command for its effect.
func run(t *testing.T, modules string, command ...string) error {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	return nodeCommand(ctx, modules, command).Run()
}

// runNode runs a command that has to succeed and returns its output.
func runNode(t *testing.T, modules string, command ...string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c := nodeCommand(ctx, modules, command)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	require.NoError(t, err, said.String())
	return string(out)
}

func nodeCommand(ctx context.Context, modules string, command []string) *exec.Cmd {
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Env = append(os.Environ(), "NODE_PATH="+modules)
	return c
}
