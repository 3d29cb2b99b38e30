package sealed

import (
	"cmp"
	"context"
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
	"unicode/utf8"

	"crmsync"
)

const fileScheme = "file:"

// File is a crmsync.SealedStore in a JSON file, for one machine. Every change replaces the file as
// a whole, so a reader never sees half of one; processes that write wait for each other. Before a
// method returns, what it wrote is on the disk.
type File struct {
	path string

	mu   sync.Mutex // guards what follows; held while writing
	info fs.FileInfo
	rows map[crmsync.CredentialID]crmsync.SealedCredential // of the file that info describes
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
		if max(len(row.ID.Org), len(row.ID.Name), len(row.KeyID)) > fileIDBytes {
			return &crmsync.Fault{Kind: crmsync.Rejected, Code: "bad_value", Err: fmt.Errorf("write credentials: an id has more than %d bytes", fileIDBytes)}
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
	if err == nil && (len(rows) > fileRows || len(text) > fileBytes) {
		return &crmsync.Fault{Kind: crmsync.Rejected, Code: "too_large", Err: fmt.Errorf("write credentials: %s would hold %d credentials in %d bytes, at most %d in %d are read: keep more in PostgreSQL", f.path, len(rows), len(text), fileRows, fileBytes)}
	}
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
	if !info.Mode().IsRegular() {
		return denied("bad_credentials_file", fmt.Errorf("read credentials: %s is no file", f.path))
	}
	if info.Size() > fileBytes {
		return denied("bad_credentials_file", fmt.Errorf("read credentials: %s has %d bytes, at most %d are read: keep more in PostgreSQL", f.path, info.Size(), fileBytes))
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
