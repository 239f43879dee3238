# typed: strict
# frozen_string_literal: true

# Homebrew formula. `docs/packaging/fill` puts in the names in capitals for a release.
class Meshwhy < Formula
  desc "Says why requests fail, from Envoy and Istio access logs"
  homepage "https://github.com/@REPOSITORY@"
  url "https://github.com/@REPOSITORY@/releases/download/v@VERSION@/source.tar.gz"
  sha256 "@SOURCE_SHA256@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    # kubectl finds plugins by this name.
    bin.install_symlink "meshwhy" => "kubectl-meshwhy"
    generate_completions_from_executable(bin/"meshwhy", "completions")
    system bin/"meshwhy", "man", "--dir", man1
  end

  test do
    line = '[2026-01-02T03:04:05.678Z] "GET / HTTP/1.1" 503 NR route_not_found - "-" 0 0 0 - ' \
           '"-" "curl" "6f5b" "shop" "-" - - 10.0.0.1:80 10.0.0.2:4000 - -'
    assert_match "no-route", pipe_output("#{bin}/meshwhy --output json", "#{line}\n", 0)
  end
end
