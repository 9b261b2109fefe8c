package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// compilers that can build it; the kernels need clang's vector types.
var compilers = []string{"clang++-19", "clang++-20", "clang++-18", "clang++"}

// architectures that the kernels are compiled for, as infer/cuda/kernels has them.
var architectures = []string{"53", "61", "75", "80"}

// Library builds the library, or finds it in the user's cache, and returns its
// path. Functions of the driver that it shall not have, as an old driver has not,
// are named by without. Where no compiler is the test is skipped, or fails if it
// has the build tag e2e.
func Library(t testing.TB, without ...string) string {
	t.Helper()
	compiler := compiler(t)
	path, err := build(compiler, without)
	if err != nil {
		t.Fatalf("simulator: %v", err)
	}
	return path
}

func compiler(t testing.TB) string {
	for _, name := range compilers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	why := "the CUDA simulator needs clang: apt-get install clang-19 (looked for " + strings.Join(compilers, ", ") + ")"
	if required {
		t.Fatal(why)
	}
	t.Skip(why)
	return ""
}

func build(compiler string, without []string) (string, error) {
	root, err := root()
	if err != nil {
		return "", err
	}
	b := &builder{compiler: compiler, here: filepath.Join(root, "infer/cuda/simulator/host"), kernels: filepath.Join(root, "infer/cuda/kernels")}
	if err := b.prepare(); err != nil {
		return "", err
	}
	defer b.unlock()
	return b.library(without)
}

// root is the folder of the module that the tests are part of.
func root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

// builder compiles into the user's cache, where every result has the hash of what
// it was made of in its name.
type builder struct {
	compiler, here, kernels string
	cache, own, all         string // all: hash of simulator and kernels, own: of the simulator only
	lock                    *os.File
}

func (b *builder) prepare() error {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	b.cache = filepath.Join(dir, "cusp", "cuda-simulator")
	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return err
	}
	version, err := exec.Command(b.compiler, "--version").Output()
	if err != nil {
		return fmt.Errorf("%s --version: %w", b.compiler, err)
	}
	seed := string(version) + strings.Join(append(flags, kernelFlags...), " ")
	if b.own, err = hash(seed, b.here); err != nil {
		return err
	}
	if b.all, err = hash(seed+b.own, b.kernels); err != nil {
		return err
	}
	// Tests of several packages run at a time: one builds, the others wait.
	if b.lock, err = os.Create(filepath.Join(b.cache, "lock")); err != nil {
		return err
	}
	if err := syscall.Flock(int(b.lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	b.tidy()
	return nil
}

// tidy removes what was made of older sources.
func (b *builder) tidy() {
	const keep = 7 * 24 * time.Hour
	files, _ := os.ReadDir(b.cache)
	for _, f := range files {
		if info, err := f.Info(); err == nil && f.Name() != "lock" && time.Since(info.ModTime()) > keep {
			_ = os.Remove(filepath.Join(b.cache, f.Name()))
		}
	}
}

func (b *builder) unlock() { b.lock.Close() }

// hash of the C++ files of a folder.
func hash(seed, dir string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, seed)
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if !slices.Contains([]string{".h", ".cc", ".cu", ".inc"}, filepath.Ext(f.Name())) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", f.Name(), len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

var flags = []string{"-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-function"}

// kernelFlags: multiply-adds are fused only where the source says so. What a GPU
// would refuse, an address that is not aligned to its type, traps.
var kernelFlags = []string{"-ffp-contract=off", "-fsanitize=alignment,bounds", "-fsanitize-trap=all", "-Wno-unused-parameter", "-Wno-missing-field-initializers"}

// library links the objects, after building those that are missing.
func (b *builder) library(without []string) (string, error) {
	path := filepath.Join(b.cache, "libcuda-"+b.all+"-"+strings.Join(without, "-")+".so")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	objects, err := b.objects()
	if err != nil {
		return "", err
	}
	script := filepath.Join(b.cache, "hidden")
	hidden := "{ local: none; " + strings.Join(append(without, ""), "; ") + "};\n"
	if err := os.WriteFile(script, []byte(hidden), 0o644); err != nil {
		return "", err
	}
	return path, b.make(path, append(objects, "-shared", "-Wl,--version-script="+script)...)
}

func (b *builder) objects() ([]string, error) {
	var work errgroup.Group
	work.SetLimit(2)
	var objects []string
	add := func(name, hash string, arguments ...string) {
		path := filepath.Join(b.cache, name+"-"+hash+".o")
		objects = append(objects, path)
		work.Go(func() error { return b.make(path, append(slices.Concat(flags, arguments), "-c")...) })
	}
	for _, arch := range architectures {
		add("kernels"+arch, b.all, append(b.kernelArguments(), "-DCUSP_ARCH="+arch)...)
	}
	for _, name := range []string{"driver", "memory", "ptx", "settings", "threads"} {
		add(name, b.own, filepath.Join(b.here, name+".cc"))
	}
	return objects, work.Wait()
}

func (b *builder) kernelArguments() []string {
	arguments := slices.Concat(kernelFlags, []string{"-I" + b.here, "-I" + b.kernels, filepath.Join(b.here, "kernels.cc")})
	return append(arguments, machine...)
}

// make runs the compiler if the result is not there yet.
func (b *builder) make(path string, arguments ...string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	unfinished := path + ".new"
	out, err := exec.Command(b.compiler, append(arguments, "-o", unfinished)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w\n%s", b.compiler, strings.Join(arguments, " "), err, out)
	}
	return os.Rename(unfinished, path)
}
