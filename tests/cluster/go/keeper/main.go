// Command keeper holds the local cluster's namespaces, fills its pods' sandboxes, and cleans up after it.
//
//	keeper init                                first process of the node's PID namespace; when it ends, the kernel ends all others
//	keeper pause                               the sandbox container of each pod
//	keeper janitor <cgroup> [<data directory>] removes both when the cluster's owner is gone, whatever killed it
//
// `init` and `janitor` learn of the owner's end from their standard input: the kernel closes a pipe however a process dies.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// How long the kernel may take to end the processes of a dead node before the janitor gives up.
const patience = 60 * time.Second

func main() {
	role := ""
	if len(os.Args) > 1 {
		role = os.Args[1]
	}
	switch {
	case role == "init":
		reapChildren()
		waitForOwner()
	case role == "pause":
		reapChildren()
		waitForSignal()
	case role == "janitor" && (len(os.Args) == 3 || len(os.Args) == 4):
		if err := janitor(os.Args[2], os.Args[3:]); err != nil {
			fmt.Fprintln(os.Stderr, "janitor:", err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: keeper init | pause | janitor <cgroup> [<data directory>]")
		os.Exit(2)
	}
}

// An ignored SIGCHLD makes the kernel reap children by itself: orphans end up here and nobody waits for them.
func reapChildren() { signal.Ignore(syscall.SIGCHLD) }

func waitForOwner() { _, _ = io.Copy(io.Discard, os.Stdin) }

func waitForSignal() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
}

func janitor(cgroup string, directories []string) error {
	if !strings.HasPrefix(cgroup, "slipway-") || strings.Contains(cgroup, "/") {
		return fmt.Errorf("%q is not a cgroup of a local cluster", cgroup)
	}
	// What ends the owner, a terminal's hang-up say, must not end its janitor.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	waitForOwner()
	deadline := time.Now().Add(patience)
	for {
		err := errors.Join(removeCgroups(cgroup), removeAll(directories))
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// removeCgroups removes the cgroup from the unified hierarchy and from each version 1 hierarchy.
func removeCgroups(name string) error {
	each, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", name))
	var failed []error
	for _, directory := range append(each, filepath.Join("/sys/fs/cgroup", name)) {
		failed = append(failed, removeCgroup(directory))
	}
	return errors.Join(failed...)
}

// removeCgroup works from the leaves up; the files in a cgroup go with its directory.
func removeCgroup(directory string) error {
	entries, err := os.ReadDir(directory)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeCgroup(filepath.Join(directory, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(directory); err != nil && !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("remove %s: %w", directory, err)
	}
	return nil
}

func removeAll(directories []string) error {
	var failed []error
	for _, directory := range directories {
		failed = append(failed, os.RemoveAll(directory))
	}
	return errors.Join(failed...)
}
