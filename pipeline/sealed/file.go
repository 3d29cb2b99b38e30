package sealed

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"crmsync"
)

const (
	fileScheme  = "file:"
	fileVersion = 1
	fileBytes   = 256 << 20
)

// File is a crmsync.SealedStore in a JSON file, for one machine. Every change replaces the file as
// a whole, so a reader never sees half of one; processes that write wait for each other. Before a
// method returns, what it wrote is on the disk.
type File struct {
	path string

	mu   sync.Mutex // guards what follows; held while writing
	info fs.FileInfo
	rows map[crmsync.CredentialID]crmsync.SealedCredential // of the file that info describes
}

// fileContent and fileRow are the file's JSON.
type fileContent struct {
	Version     int       `json:"version"`
	Credentials []fileRow `json:"credentials"`
}

type fileRow struct {
	Org       string    `json:"org"`
	Name      string    `json:"name"`
	Key       string    `json:"key"`
	Box       []byte    `json:"box"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
}

// OpenFile returns the store in the file that url names as "file:PATH". The file is made when
// something is first put. It answers a fault of kind Denied when the file can't be read.
func OpenFile(url string) (*File, error) {
	path, ok := strings.CutPrefix(url, fileScheme)
	if !ok || path == "" {
		return nil, denied("bad_url", errors.New(`open credentials: a file's URL reads "file:PATH", for example "file:credentials.json"`))
	}
	f := &File{path: path}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f, f.load()
}

// Sealed answers one row per id, in the ids' order; for nil ids all rows, ordered by id.
func (f *File) Sealed(_ context.Context, ids []crmsync.CredentialID) ([]crmsync.SealedCredential, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.load(); err != nil {
		return nil, err
	}
	if ids == nil {
		ids = slices.SortedFunc(maps.Keys(f.rows), byID)
	}
	answers := make([]crmsync.SealedCredential, len(ids))
	for i, id := range ids {
		answers[i] = f.rows[id]
		answers[i].ID = id
		answers[i].Box = slices.Clone(answers[i].Box)
	}
	return answers, nil
}

// PutSealed stores rows, over what was there, all or none. An id that isn't UTF-8 can't stand in
// JSON and is refused with a fault of kind Rejected.
func (f *File) PutSealed(ctx context.Context, rows []crmsync.SealedCredential) error {
	for _, row := range rows {
		if !utf8.ValidString(row.ID.Org) || !utf8.ValidString(row.ID.Name) || !utf8.ValidString(row.KeyID) {
			return &crmsync.Fault{Kind: crmsync.Rejected, Code: "bad_value", Err: fmt.Errorf("write credentials: the id %q is not UTF-8", row.ID)}
		}
	}
	return f.change(ctx, len(rows), func(all map[crmsync.CredentialID]crmsync.SealedCredential) {
		for _, row := range rows {
			row.Box = slices.Clone(row.Box)
			all[row.ID] = row
		}
	})
}

// DeleteSealed forgets rows, all or none.
func (f *File) DeleteSealed(ctx context.Context, ids []crmsync.CredentialID) error {
	return f.change(ctx, len(ids), func(all map[crmsync.CredentialID]crmsync.SealedCredential) {
		for _, id := range ids {
			delete(all, id)
		}
	})
}

// change reads the file, changes its rows and replaces it, while no other process does.
func (f *File) change(ctx context.Context, n int, edit func(map[crmsync.CredentialID]crmsync.SealedCredential)) error {
	if n == 0 {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	unlock, err := lock(ctx, f.path+".lock")
	if err != nil {
		return fileFault("write credentials", err)
	}
	defer unlock()
	if err := f.load(); err != nil {
		return err
	}
	rows := maps.Clone(f.rows)
	edit(rows)
	text, err := encode(rows)
	if err == nil {
		err = replace(f.path, text)
	}
	if err != nil {
		return fileFault("write credentials", err)
	}
	return f.load()
}

// load reads the file if it is another one than at the last time. No file is an empty one.
func (f *File) load() error {
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.info, f.rows = nil, map[crmsync.CredentialID]crmsync.SealedCredential{}
		return nil
	}
	if err != nil {
		return fileFault("read credentials", err)
	}
	if f.info != nil && os.SameFile(f.info, info) && f.info.ModTime().Equal(info.ModTime()) && f.info.Size() == info.Size() {
		return nil
	}
	if info.Size() > fileBytes {
		return denied("bad_credentials_file", fmt.Errorf("read credentials: %s has %d bytes, at most %d are read", f.path, info.Size(), fileBytes))
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		return fileFault("read credentials", err)
	}
	rows, err := decode(text)
	if err != nil {
		return denied("bad_credentials_file", fmt.Errorf("read credentials: %s: %w", f.path, err))
	}
	f.info, f.rows = info, rows
	return nil
}

func byID(a, b crmsync.CredentialID) int {
	return cmp.Or(cmp.Compare(a.Org, b.Org), cmp.Compare(a.Name, b.Name))
}

func encode(rows map[crmsync.CredentialID]crmsync.SealedCredential) ([]byte, error) {
	content := fileContent{Version: fileVersion, Credentials: []fileRow{}}
	for _, id := range slices.SortedFunc(maps.Keys(rows), byID) {
		row := rows[id]
		content.Credentials = append(content.Credentials, fileRow{Org: id.Org, Name: id.Name, Key: row.KeyID, Box: row.Box, UpdatedAt: row.UpdatedAt})
	}
	text, err := json.MarshalIndent(content, "", "  ")
	return append(text, '\n'), err
}

// decode reads what encode writes, and refuses everything else.
func decode(text []byte) (map[crmsync.CredentialID]crmsync.SealedCredential, error) {
	var content fileContent
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("not a credentials file, at byte %d", decoder.InputOffset())
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one value, at byte %d", decoder.InputOffset())
	}
	if content.Version != fileVersion {
		return nil, fmt.Errorf("version %d, this program reads %d", content.Version, fileVersion)
	}
	rows := make(map[crmsync.CredentialID]crmsync.SealedCredential, len(content.Credentials))
	for i, row := range content.Credentials {
		id := crmsync.CredentialID{Org: row.Org, Name: row.Name}
		if _, twice := rows[id]; twice || len(row.Box) == 0 {
			return nil, fmt.Errorf("credential %d, %s, is there twice or has no box", i+1, id)
		}
		rows[id] = crmsync.SealedCredential{ID: id, KeyID: row.Key, Box: row.Box, UpdatedAt: row.UpdatedAt}
	}
	return rows, nil
}

// replace writes a file that only its owner can read, so that after a crash either the old or the
// new one is there.
func replace(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // after the rename there is nothing to remove
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// fileFault says what a failure of the file system asks for.
func fileFault(attempt string, err error) error {
	f := &crmsync.Fault{Kind: crmsync.Transient, Code: "file_error", Err: fmt.Errorf("%s: %w", attempt, err)}
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTDIR):
		f.Kind, f.Code = crmsync.Denied, "cannot_open"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		f.Code = "cancelled"
	}
	return f
}
