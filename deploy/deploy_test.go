// Package deploy_test holds the deployment files to what they promise. There is no other code here.
package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// instruction is one line of a Dockerfile.
type instruction struct{ name, rest string }

// stages returns the instructions of a Dockerfile, stage by stage.
func stages(t *testing.T) (all [][]instruction) {
	t.Helper()
	b, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		require.False(t, strings.HasSuffix(line, `\`), "this reader knows no continued lines")
		name, rest, _ := strings.Cut(line, " ")
		if name == "FROM" {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], instruction{name, strings.TrimSpace(rest)})
	}
	return all
}

func find(stage []instruction, name string) (found []string) {
	for _, i := range stage {
		if i.name == name {
			found = append(found, i.rest)
		}
	}
	return found
}

func TestDockerfile(t *testing.T) {
	all := stages(t)
	require.Len(t, all, 2)
	build, final := all[0], all[1]

	mod, err := os.ReadFile("../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(mod)
	require.NotNil(t, version)
	require.Equal(t, []string{"golang:" + string(version[1]) + "-bookworm AS build"}, find(build, "FROM"), "the Go that go.mod names")
	require.Contains(t, find(build, "ENV")[0], "CGO_ENABLED=0", "static")
	require.Contains(t, strings.Join(find(build, "RUN"), "\n"), "go mod verify")

	require.Equal(t, []string{"gcr.io/distroless/static-debian12:nonroot"}, find(final, "FROM"))
	require.Equal(t, []string{"65532:65532"}, find(final, "USER"), "by number: runAsNonRoot can't judge a name")
	require.Empty(t, find(final, "RUN"), "there is no shell")
	require.Empty(t, find(final, "ADD"))
	require.Empty(t, find(final, "ENV"))
	require.Equal(t, []string{"--from=build --chown=0:0 --chmod=0555 /out/crmsync /usr/bin/crmsync"}, find(final, "COPY"), "the binary and nothing else, not the user's to change")
	for _, name := range []string{"ENTRYPOINT", "CMD"} {
		found := find(final, name)
		require.Len(t, found, 1)
		require.True(t, strings.HasPrefix(found[0], "["), "%s must be a list: the other form needs a shell", name)
	}
	for _, stage := range all {
		for _, i := range stage {
			require.NotContains(t, i.rest, ":latest")
			require.NotRegexp(t, `(?i)password|token|secret`, i.rest)
		}
	}
}

// TestBuildContext: what is not asked for does not go to the builder, first of all no secret.
func TestBuildContext(t *testing.T) {
	b, err := os.ReadFile("Dockerfile.dockerignore")
	require.NoError(t, err)
	var lines []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	require.Equal(t, "*", lines[0])
	last := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "!") {
			last = i
		}
	}
	for _, never := range []string{"**/*.key", "**/credentials.json", "**/crmsync.yaml", "**/.env", "**/*.db"} {
		require.Greater(t, slices.Index(lines, never), last, "%s must be left out after all else is let in", never)
	}
	for _, needed := range []string{"!go.mod", "!go.sum", "!*.go", "!cmd", "!dsl", "!mappings", "!pipeline", "!providers", "!schemas"} {
		require.Contains(t, lines, needed)
	}
}

// object is one object of the manifest.
type object = map[string]any

// manifest returns the objects by kind and name.
func manifest(t *testing.T) map[string]object {
	t.Helper()
	b, err := os.ReadFile("kubernetes/crmsync.yaml")
	require.NoError(t, err)
	all := map[string]object{}
	for decoder := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		name := o["kind"].(string) + "/" + at(t, o, "metadata", "name").(string)
		require.NotContains(t, all, name)
		all[name] = o
	}
}

// at returns what stands at a path of keys and indices.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(t, ok && m[step] != nil, "nothing at %v", path[:i+1])
			v = m[step]
		case int:
			list, ok := v.([]any)
			require.True(t, ok && len(list) > step, "nothing at %v", path[:i+1])
			v = list[step]
		}
	}
	return v
}

// pod returns the pod's specification, and its one container.
func pod(t *testing.T) (spec, container object) {
	t.Helper()
	spec = at(t, manifest(t)["StatefulSet/crmsync"], "spec", "template", "spec").(object)
	require.Len(t, spec["containers"], 1)
	require.NotContains(t, spec, "initContainers")
	return spec, at(t, spec, "containers", 0).(object)
}

// TestPodIsRestricted checks what the Pod Security Standard "restricted" asks for, and more.
func TestPodIsRestricted(t *testing.T) {
	spec, container := pod(t)
	require.Equal(t, object{
		"runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532, "seccompProfile": object{"type": "RuntimeDefault"},
	}, spec["securityContext"])
	require.Equal(t, object{
		"allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
		"capabilities": object{"drop": []any{"ALL"}}, "seccompProfile": object{"type": "RuntimeDefault"},
	}, container["securityContext"])
	for _, never := range []string{"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} {
		require.NotContains(t, spec, never)
	}
	require.Equal(t, false, spec["automountServiceAccountToken"])
	require.Equal(t, false, manifest(t)["ServiceAccount/crmsync"]["automountServiceAccountToken"])
	require.NotContains(t, container, "command", "the image's own")
	require.NotContains(t, container["image"], "latest")
	for _, v := range at(t, spec, "volumes").([]any) {
		kinds := []string{}
		for key := range v.(object) {
			if key != "name" {
				kinds = append(kinds, key)
			}
		}
		require.Subset(t, []string{"configMap", "secret"}, kinds, "nothing to write to, nothing of the host")
	}
	for _, m := range at(t, container, "volumeMounts").([]any) {
		require.Equal(t, true, m.(object)["readOnly"], m)
	}
}

// TestResources: the garbage collector's limit leaves room below the kernel's.
func TestResources(t *testing.T) {
	_, container := pod(t)
	limit := mebibytes(t, at(t, container, "resources", "limits", "memory").(string))
	require.Equal(t, limit, mebibytes(t, at(t, container, "resources", "requests", "memory").(string)), "memory is not to be overcommitted")
	soft := mebibytes(t, environment(t, container)["GOMEMLIMIT"].(string))
	require.Greater(t, soft, limit*3/4)
	require.LessOrEqual(t, soft, limit*9/10)
}

func mebibytes(t *testing.T, text string) int {
	t.Helper()
	found := regexp.MustCompile(`^(\d+)(Mi|Gi)B?$`).FindStringSubmatch(text)
	require.NotNil(t, found, text)
	n, err := strconv.Atoi(found[1])
	require.NoError(t, err)
	if found[2] == "Gi" {
		n *= 1024
	}
	return n
}

// environment returns the container's variables: their values, or where they come from.
func environment(t *testing.T, container object) object {
	t.Helper()
	env := object{}
	for _, e := range at(t, container, "env").([]any) {
		one := e.(object)
		env[one["name"].(string)] = one["value"]
		if one["value"] == nil {
			env[one["name"].(string)] = one["valueFrom"]
		}
	}
	return env
}

// TestSecretsAreFiles: none stands in a variable, an argument or a ConfigMap.
func TestSecretsAreFiles(t *testing.T) {
	spec, container := pod(t)
	require.NotContains(t, container, "envFrom")
	for name, value := range environment(t, container) {
		if from, ok := value.(object); ok {
			require.NotContains(t, from, "secretKeyRef", name)
		}
	}
	require.Equal(t, []any{"run", "--config", "/etc/crmsync/crmsync.yaml"}, container["args"])
	for _, v := range at(t, spec, "volumes").([]any) {
		if secret, ok := v.(object)["secret"]; ok {
			require.Equal(t, 0o440, at(t, secret, "defaultMode"), "crmsync refuses a key file that others can read")
		}
	}
	for name, o := range manifest(t) {
		require.NotEqual(t, "Secret", o["kind"], "%s: a secret in an example ends up in a repository", name)
	}
	config := at(t, manifest(t)["ConfigMap/crmsync"], "data", "crmsync.yaml").(string)
	require.NotRegexp(t, `password:|://[^ ]*:[^ ]*@|insecure`, config)
}

// TestGraceOutlastsDrain: Kubernetes doesn't end the process before it has drained.
func TestGraceOutlastsDrain(t *testing.T) {
	spec, container := pod(t)
	var config struct {
		Engine struct {
			DrainTimeout string `yaml:"drain_timeout"`
		} `yaml:"engine"`
		Admin struct{ Listen string } `yaml:"admin"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(at(t, manifest(t)["ConfigMap/crmsync"], "data", "crmsync.yaml").(string)), &config))
	drain, err := time.ParseDuration(config.Engine.DrainTimeout)
	require.NoError(t, err)
	seconds := spec["terminationGracePeriodSeconds"].(int)
	grace := time.Duration(seconds) * time.Second
	require.GreaterOrEqual(t, grace, drain+15*time.Second, "the last commit and closing take their time")
	require.Equal(t, ":8080", config.Admin.Listen)
	require.Equal(t, 8080, at(t, container, "ports", 0, "containerPort"))
	require.Equal(t, "/livez", at(t, container, "livenessProbe", "httpGet", "path"))
	require.Equal(t, "/readyz", at(t, container, "readinessProbe", "httpGet", "path"))
	require.Equal(t, object{"fieldRef": object{"fieldPath": "metadata.name"}}, environment(t, container)["CRMSYNC_KAFKA_INSTANCE_ID"])
	require.Equal(t, false, spec["enableServiceLinks"], "the variables of a Service named crmsync would be unknown settings")
}

// TestNetworkPolicy: out goes what is named, and beyond that only to public addresses on port 443.
func TestNetworkPolicy(t *testing.T) {
	policy := at(t, manifest(t)["NetworkPolicy/crmsync"], "spec").(object)
	require.Equal(t, []any{"Ingress", "Egress"}, policy["policyTypes"])
	labels := at(t, manifest(t)["StatefulSet/crmsync"], "spec", "template", "metadata", "labels")
	require.Equal(t, labels, at(t, policy, "podSelector", "matchLabels"), "it must select the pods")
	open := 0
	for _, e := range at(t, policy, "egress").([]any) {
		require.NotEmpty(t, e.(object)["to"], "no rule may let out to everywhere")
		require.NotEmpty(t, e.(object)["ports"], "no rule may let out to every port")
		for _, to := range e.(object)["to"].([]any) {
			block, ok := to.(object)["ipBlock"]
			if !ok {
				continue
			}
			open++
			require.Equal(t, []any{object{"port": 443, "protocol": "TCP"}}, e.(object)["ports"])
			for _, private := range []string{"10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "100.64.0.1", "0.0.0.0"} {
				require.True(t, excepted(t, block, private), private)
			}
			require.False(t, excepted(t, block, "104.16.1.1"), "CRMs are public")
		}
	}
	require.Equal(t, 1, open)
	require.Len(t, at(t, policy, "ingress"), 1)
	require.NotEmpty(t, at(t, policy, "ingress", 0, "from"))
}

func excepted(t *testing.T, block any, address string) bool {
	t.Helper()
	for _, except := range at(t, block, "except").([]any) {
		if netip.MustParsePrefix(except.(string)).Contains(netip.MustParseAddr(address)) {
			return true
		}
	}
	return false
}
