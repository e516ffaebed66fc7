import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.EdECPoint;
import java.security.spec.EdECPublicKeySpec;
import java.security.spec.NamedParameterSpec;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Checks Frontrow passes in a shop, with Java's own cryptography (Java 17 or later):
 * {@code java ShopPass.java JWKS-URL SHOW < passes}. It answers each line with the visitor, or
 * with "refused" and why. Java has no JSON: a shop uses the library that it has instead of the
 * patterns here, which suffice for what Frontrow has signed.
 */
public final class ShopPass {
  /** fetchKeys reads the public keys by their id; keep them for some minutes. */
  static Map<String, PublicKey> fetchKeys(String url) throws Exception {
    String body = HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(URI.create(url)).build(), HttpResponse.BodyHandlers.ofString()).body();
    Map<String, PublicKey> keys = new HashMap<>();
    Matcher key = Pattern.compile("\\{[^{}]*\"kty\"[^{}]*\\}").matcher(body);
    while (key.find()) {
      if ("Ed25519".equals(text(key.group(), "crv"))) {
        keys.put(text(key.group(), "kid"), publicKey(Base64.getUrlDecoder().decode(text(key.group(), "x"))));
      }
    }
    return keys;
  }

  /** publicKey reads a point as RFC 8032 writes it: y, least byte first, and the oddness of x in the last bit. */
  static PublicKey publicKey(byte[] raw) throws Exception {
    byte[] y = new byte[raw.length];
    for (int i = 0; i < raw.length; i++) {
      y[i] = raw[raw.length - 1 - i];
    }
    boolean odd = (y[0] & 0x80) != 0;
    y[0] &= 0x7f;
    return KeyFactory.getInstance("Ed25519")
        .generatePublic(new EdECPublicKeySpec(NamedParameterSpec.ED25519, new EdECPoint(odd, new BigInteger(1, y))));
  }

  /** check returns the visitor of a pass that is genuine, for this show, and in its time. */
  static String check(Map<String, PublicKey> keys, String show, String pass, long now) throws Exception {
    String[] parts = pass.split("\\.", -1);
    if (parts.length != 3) {
      throw new IllegalArgumentException("not a pass");
    }
    String header = new String(Base64.getUrlDecoder().decode(parts[0]), StandardCharsets.UTF_8);
    if (!"EdDSA".equals(text(header, "alg"))) {
      throw new IllegalArgumentException("not signed with EdDSA");
    }
    PublicKey key = keys.get(text(header, "kid"));
    byte[] signature = Base64.getUrlDecoder().decode(parts[2]);
    Signature verifier = Signature.getInstance("Ed25519");
    if (key == null || signature.length != 64) {
      throw new IllegalArgumentException("not signed by Frontrow");
    }
    verifier.initVerify(key);
    verifier.update((parts[0] + "." + parts[1]).getBytes(StandardCharsets.US_ASCII));
    if (!verifier.verify(signature)) {
      throw new IllegalArgumentException("not signed by Frontrow");
    }
    String claims = new String(Base64.getUrlDecoder().decode(parts[1]), StandardCharsets.UTF_8);
    if (!claims.matches(".*\"aud\":\\[?\"" + Pattern.quote(show) + "\"[\\],}].*")) {
      throw new IllegalArgumentException("for another show");
    }
    Matcher expires = Pattern.compile("\"exp\":(\\d+)").matcher(claims);
    if (!expires.find() || now >= Long.parseLong(expires.group(1))) {
      throw new IllegalArgumentException("expired");
    }
    return text(claims, "sub");
  }

  static String text(String json, String name) {
    Matcher m = Pattern.compile("\"" + name + "\":\"([^\"\\\\]*)\"").matcher(json);
    return m.find() ? m.group(1) : null;
  }

  public static void main(String[] args) throws Exception {
    Map<String, PublicKey> keys = fetchKeys(args[0]);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      try {
        System.out.println(check(keys, args[1], line, System.currentTimeMillis() / 1000));
      } catch (IllegalArgumentException e) {
        System.out.println("refused: " + e.getMessage());
      }
    }
  }
}
