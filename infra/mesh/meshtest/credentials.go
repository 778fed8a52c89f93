package meshtest

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
	"time"
)

// Credentials are what a client needs, and the same as PEM.
type Credentials struct {
	Certificate                     tls.Certificate
	Roots                           *x509.CertPool
	CertificatePEM, KeyPEM, RootPEM []byte
}

// newCredentials makes an authority, with a certificate each for the server and
// its one client.
func newCredentials() (c Credentials, server *tls.Config, err error) {
	now := time.Now()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return c, nil, err
	}
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sandbox"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	if err != nil {
		return c, nil, err
	}
	issue := func(serial int64, name string, use x509.ExtKeyUsage) (certificate, private []byte, err error) {
		own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}, authority, own.Public(), key)
		if err != nil {
			return nil, nil, err
		}
		text, err := x509.MarshalPKCS8PrivateKey(own)
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}), err
	}
	certificate, private, err := issue(2, "sandbox server", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return c, nil, err
	}
	own, err := tls.X509KeyPair(certificate, private)
	if err != nil {
		return c, nil, err
	}
	if c.CertificatePEM, c.KeyPEM, err = issue(3, Mailbox, x509.ExtKeyUsageClientAuth); err != nil {
		return c, nil, err
	}
	if c.Certificate, err = tls.X509KeyPair(c.CertificatePEM, c.KeyPEM); err != nil {
		return c, nil, err
	}
	c.RootPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root})
	c.Roots = x509.NewCertPool()
	c.Roots.AppendCertsFromPEM(c.RootPEM)
	return c, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientCAs: c.Roots, ClientAuth: tls.RequireAndVerifyClientCert}, nil
}
