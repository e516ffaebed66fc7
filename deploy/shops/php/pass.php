<?php
// Checks Frontrow passes in a shop, with sodium, which PHP brings along (PHP 7.2 or later):
//   php pass.php JWKS-URL SHOW < passes
// It answers each line with the visitor, or with "refused" and why.
declare(strict_types=1);

function decode(string $text): string
{
    return sodium_base642bin($text, SODIUM_BASE64_VARIANT_URLSAFE_NO_PADDING);
}

// fetchKeys reads the public keys by their id. Keep them for some minutes, and fetch them
// again for an id that is not among them.
function fetchKeys(string $url): array
{
    $keys = [];
    foreach (json_decode(file_get_contents($url), true, 16, JSON_THROW_ON_ERROR)['keys'] as $key) {
        if ($key['kty'] === 'OKP' && $key['crv'] === 'Ed25519') {
            $keys[$key['kid']] = decode($key['x']);
        }
    }
    return $keys;
}

// check returns the claims of a pass that is genuine, for this show, and in its time.
function check(array $keys, string $show, string $pass, int $now): array
{
    $parts = explode('.', $pass);
    if (count($parts) !== 3) {
        throw new UnexpectedValueException('not a pass');
    }
    try {
        [$header, $claims, $signature] = array_map('decode', $parts);
    } catch (SodiumException) {
        throw new UnexpectedValueException('not a pass');
    }
    $header = json_decode($header, true);
    if (($header['alg'] ?? '') !== 'EdDSA') {
        throw new UnexpectedValueException('not signed with EdDSA');
    }
    $key = $keys[$header['kid'] ?? ''] ?? null;
    if ($key === null || strlen($signature) !== SODIUM_CRYPTO_SIGN_BYTES
        || !sodium_crypto_sign_verify_detached($signature, "$parts[0].$parts[1]", $key)) {
        throw new UnexpectedValueException('not signed by Frontrow');
    }
    $claims = json_decode($claims, true);
    if ((array) ($claims['aud'] ?? null) !== [$show]) {
        throw new UnexpectedValueException('for another show');
    }
    if ($now >= ($claims['exp'] ?? 0)) {
        throw new UnexpectedValueException('expired');
    }
    return $claims;
}

$keys = fetchKeys($argv[1]);
while (($line = fgets(STDIN)) !== false) {
    try {
        echo check($keys, $argv[2], trim($line), time())['sub'], "\n";
    } catch (UnexpectedValueException $refused) {
        echo 'refused: ', $refused->getMessage(), "\n";
    }
}
