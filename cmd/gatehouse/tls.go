package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-tre/gatehouse"
)

// ownCertificate gives the installation's own TLS certificate and the file of
// the authority that signed it, making both the first time. The authority's key
// is used once and forgotten, so it can vouch for nothing else.
func ownCertificate(dir string, now time.Time) (tls.Certificate, string, error) {
	folder, ca := filepath.Join(dir, "keys", "tls"), filepath.Join(dir, "ca.pem")
	certFile, keyFile := filepath.Join(folder, "server.pem"), filepath.Join(folder, "server.key")
	if cert, err := tls.LoadX509KeyPair(certFile, keyFile); err == nil && cert.Leaf != nil && now.Add(24*time.Hour).Before(cert.Leaf.NotAfter) {
		if _, err := os.Stat(ca); err == nil {
			return cert, ca, nil
		}
	}
	fail := func(err error) (tls.Certificate, string, error) {
		return tls.Certificate{}, "", gatehouse.Errorf(gatehouse.CodeKeys, "The TLS certificate cannot be made.").Because(err)
	}
	authority, authorityKey, err := newCertificate(now, "Gatehouse installation", nil, nil)
	if err != nil {
		return fail(err)
	}
	server, serverKey, err := newCertificate(now, "localhost", authority, authorityKey)
	if err != nil {
		return fail(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		return fail(err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fail(err)
	}
	for _, f := range []struct {
		path, kind string
		der        []byte
		mode       os.FileMode
	}{{keyFile, "PRIVATE KEY", key, 0o600}, {certFile, "CERTIFICATE", server.Raw, 0o644}, {ca, "CERTIFICATE", authority.Raw, 0o644}} {
		if err := os.WriteFile(f.path, pem.EncodeToMemory(&pem.Block{Type: f.kind, Bytes: f.der}), f.mode); err != nil {
			return fail(err)
		}
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fail(err)
	}
	return cert, ca, nil
}

func newCertificate(now time.Time, name string, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(2, 0, 0), BasicConstraintsValid: true}
	parent, signer := template, key
	if authority == nil {
		template.IsCA, template.MaxPathLenZero = true, true
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	} else {
		parent, signer = authority, authorityKey
		template.DNSNames, template.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
		template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}
