// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Stands in for USDT on a local chain, with the habits of the first Tether contract, the strictest of its kind:
/// no return values, an allowance changes only through zero, no signatures. Anyone may mint and blacklist.
contract MockUsdt {
    // The first two slots are written by the local chain, which puts this code at the token's real address.
    string public name = "Tether USD";
    mapping(address holder => uint256) public balanceOf;

    mapping(address owner => mapping(address spender => uint256)) public allowance;
    mapping(address account => bool) public isBlackListed;
    uint256 public totalSupply;

    string public constant symbol = "USDT";
    uint8 public constant decimals = 6;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function setBlackListed(address account, bool blacklisted) external {
        isBlackListed[account] = blacklisted;
    }

    function transfer(address to, uint256 value) external {
        move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external {
        uint256 allowed = allowance[from][msg.sender];
        require(allowed >= value, "USDT: allowance is too small");
        if (allowed != type(uint256).max) allowance[from][msg.sender] = allowed - value;
        move(from, to, value);
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0, "USDT: set the allowance to zero first");
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
    }

    function move(address from, address to, uint256 value) private {
        require(!isBlackListed[from], "USDT: the sender is blacklisted");
        require(balanceOf[from] >= value, "USDT: the balance is too small");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}
