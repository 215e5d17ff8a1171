// The two materials: a lit surface, and a ghost seen mostly at its rim.

export const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec4 paint;  // sRGB colour, and how open the place is to ambient light
uniform mat4 projection;
uniform vec3 eye;
out vec3 vNormal;
out vec3 vToEye;
out vec4 vPaint;
void main() {
  vNormal = normal;
  vToEye = eye - position;
  vPaint = vec4(pow(paint.rgb, vec3(2.2)), paint.a);
  gl_Position = projection * vec4(position, 1.0);
}`;

export const SURFACE = `#version 300 es
precision highp float;
in vec3 vNormal;
in vec3 vToEye;
in vec4 vPaint;
uniform vec3 right;
uniform vec3 up;
uniform vec3 back;
uniform float glow;  // 1 shines by itself, 0 is only lit
out vec4 colour;
void main() {
  vec3 n = normalize(vNormal);
  vec3 toEye = normalize(vToEye);
  // Lights stand with the viewer: a key from the upper left, a weak fill from the lower right.
  vec3 key = normalize(-0.55 * right + 0.75 * up + 0.65 * back);
  vec3 fill = normalize(0.8 * right - 0.25 * up + 0.45 * back);
  float open = pow(vPaint.a, 2.2);
  vec3 hemisphere = mix(vec3(0.17, 0.155, 0.15), vec3(0.46, 0.48, 0.52), 0.5 + 0.5 * dot(n, up));
  float lit = max(dot(n, key), 0.0);
  vec3 light = hemisphere * open
    + vec3(0.66, 0.63, 0.58) * lit * mix(0.55, 1.0, open)
    + vec3(0.12, 0.13, 0.15) * max(dot(n, fill), 0.0);
  float shine = pow(max(dot(n, normalize(key + toEye)), 0.0), 36.0) * 0.10 * lit;
  float rim = pow(1.0 - max(dot(n, toEye), 0.0), 3.5) * 0.10 * open;
  vec3 linear = mix(vPaint.rgb * light + vec3(shine + rim), vPaint.rgb, glow * open);
  colour = vec4(pow(clamp(linear, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}`;

export const GHOST = `#version 300 es
precision highp float;
in vec3 vNormal;
in vec3 vToEye;
in vec4 vPaint;
uniform float strength;
out vec4 colour;
void main() {
  float facing = abs(dot(normalize(vNormal), normalize(vToEye)));
  float alpha = strength * mix(0.85, 0.16, pow(facing, 0.6));
  colour = vec4(pow(vPaint.rgb, vec3(1.0 / 2.2)) * alpha, alpha);
}`;
